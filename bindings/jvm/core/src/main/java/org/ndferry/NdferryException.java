package org.ndferry;

import java.io.IOException;

/**
 * Why bytes from outside could not be read, or what a peer did wrong, and where.
 *
 * <p>What the system reports (no such file, connection refused) stays a plain {@link IOException}; wrong arguments are
 * {@link IllegalArgumentException}.
 */
public final class NdferryException extends IOException {
  private static final long serialVersionUID = 1;

  /** Kinds of reasons. */
  public enum Reason {
    /** These bytes are wrong. */
    FORMAT,
    /** The bytes may be right, but this library does not read them. */
    UNSUPPORTED,
    /** They ask for more than is allowed, or than this machine has. */
    LIMIT,
    /** The peer broke the protocol, fell silent or went away. */
    PROTOCOL,
    /** The peer refused, and said why. */
    REFUSED,
    /** One side has a token and the other has none, or another one. */
    TOKEN,
    /** A fault of this library: its native part panicked. Nothing is broken by it, and a report is welcome. */
    BUG
  }

  /** The kind of reason. */
  private final Reason reason;

  /** Bytes from the start of the input, or -1. */
  private final long offset;

  /** What went wrong, without the place. */
  private final String problem;

  NdferryException(Reason reason, long offset, String problem) {
    super(offset < 0 ? problem : "byte " + offset + ": " + problem);
    this.reason = reason;
    this.offset = offset;
    this.problem = problem;
  }

  static NdferryException format(long offset, String problem) {
    return new NdferryException(Reason.FORMAT, offset, problem);
  }

  static NdferryException unsupported(long offset, String problem) {
    return new NdferryException(Reason.UNSUPPORTED, offset, problem);
  }

  static NdferryException limit(long offset, String problem) {
    return new NdferryException(Reason.LIMIT, offset, problem);
  }

  static NdferryException protocol(String problem) {
    return new NdferryException(Reason.PROTOCOL, -1, problem);
  }

  static NdferryException token(String problem) {
    return new NdferryException(Reason.TOKEN, -1, problem);
  }

  static NdferryException bug(String problem) {
    return new NdferryException(Reason.BUG, -1, "a bug in ndferry: " + problem + "; please report what it was given");
  }

  /** The same at another place: for parsers that know only a part of the input. */
  NdferryException at(long place) {
    NdferryException moved = new NdferryException(reason, place, problem);
    moved.initCause(this);
    return moved;
  }

  /** The same, where the part that was parsed begins at {@code start}. */
  NdferryException after(long start) {
    return at(start + Math.max(offset, 0));
  }

  /** The same, said of a member of an archive or of one of several arrays. */
  NdferryException in(String member) {
    NdferryException named = new NdferryException(reason, offset, member + ": " + problem);
    named.initCause(this);
    return named;
  }

  /**
   * The kind of reason.
   *
   * @return never null
   */
  public Reason reason() {
    return reason;
  }

  /**
   * Where it went wrong.
   *
   * @return bytes from the start of the input (of a member of an archive: of that member), or -1 if no place is to blame
   */
  public long offset() {
    return offset;
  }
}

package org.ndferry;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A secret that both ends of a connection know. They prove it to each other by HMAC-SHA-256 of random challenges; it is
 * never sent. Does not print itself.
 */
public final class Token {
  /** Longer ones are some other file. */
  private static final int MOST = 4096;

  /** None that look like others, none that a shell or an address minds. */
  private static final String LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";

  private static final SecureRandom RANDOM = new SecureRandom();

  private final byte[] secret;

  private Token(byte[] secret) {
    this.secret = secret;
  }

  /**
   * A token of a text.
   *
   * @param text white space around it does not count
   * @return the token
   * @throws IllegalArgumentException if nothing is left, or more than 4096 bytes
   */
  public static Token of(String text) {
    byte[] secret = text.trim().getBytes(StandardCharsets.UTF_8);
    if (secret.length == 0 || secret.length > MOST) {
      throw new IllegalArgumentException("a token has 1 to " + MOST + " bytes, not " + secret.length);
    }
    return new Token(secret);
  }

  /**
   * A new one, that nobody can guess.
   *
   * @return 260 random bits, as 52 letters and digits
   */
  public static Token random() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 52; i++) {
      text.append(LETTERS.charAt(RANDOM.nextInt(LETTERS.length())));
    }
    return of(text.toString());
  }

  /**
   * Its text, for whoever carries it to the other side.
   *
   * @return the secret
   */
  public String reveal() {
    return new String(secret, StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return "Token(…)";
  }

  /** Bytes that nobody can guess. */
  static byte[] challenge() {
    byte[] bytes = new byte[32];
    RANDOM.nextBytes(bytes);
    return bytes;
  }

  /** What a proof is about: see AUTH in {@code docs/formats/npb.md}. Over TCP nothing binds it to the connection. */
  static final class Proof {
    byte[] listener;
    byte[] connecter;
    byte[] helloOfConnecter;
    byte[] helloOfListener;

    private byte[] text(int step) throws GeneralSecurityException {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      Packet text = new Packet().bytes("ndferry NPB auth".getBytes(StandardCharsets.US_ASCII)).u8(step);
      text.bytes(listener).bytes(connecter);
      text.bytes(sha.digest(helloOfConnecter)).bytes(sha.digest(helloOfListener));
      return text.bytes(new byte[32]).toBytes();
    }
  }

  /** The proof that this side knows it: step 2 is the connecting side's, 3 the listening side's. */
  byte[] prove(Proof proof, int step) throws IOException {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HmacSHA256"));
      return mac.doFinal(proof.text(step));
    } catch (GeneralSecurityException error) {
      throw new IOException("this Java machine has no HMAC-SHA-256", error);
    }
  }

  /** Whether the other side knows it; takes as long for any bytes. */
  boolean isProved(Proof proof, int step, byte[] by) throws IOException {
    return MessageDigest.isEqual(prove(proof, step), by);
  }
}

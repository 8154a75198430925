package org.ndferry;

import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory of the native library that direct buffers show: freed when none of them can be reached any more. The garbage
 * collector does not see how much it is, so it is asked to run when that has become much.
 */
final class NativeMemory {
  private static final ReferenceQueue<ByteBuffer> UNREACHABLE = new ReferenceQueue<>();

  /** Those that are watched: a reference that is forgotten is never queued. */
  private static final Set<Part> WATCHED =
      Collections.newSetFromMap(new ConcurrentHashMap<Part, Boolean>());

  private static final AtomicLong NBYTES = new AtomicLong();

  /** As much as Java's own direct buffers may take; more once that many are really in use. */
  private static volatile long enough = Runtime.getRuntime().maxMemory();

  private NativeMemory() {}

  /** One buffer; the last of a memory frees it. Slices and duplicates of a buffer keep it reachable. */
  private static final class Part extends PhantomReference<ByteBuffer> {
    final AtomicInteger left;
    final long memory;
    final long nbytes;

    Part(ByteBuffer buffer, AtomicInteger left, long memory, long nbytes) {
      super(buffer, UNREACHABLE);
      this.left = left;
      this.memory = memory;
      this.nbytes = nbytes;
    }
  }

  /** Watches over the buffers of one memory. */
  static void watch(long memory, ByteBuffer[] buffers) {
    AtomicInteger left = new AtomicInteger(buffers.length);
    long sum = 0;
    for (ByteBuffer buffer : buffers) {
      WATCHED.add(new Part(buffer, left, memory, buffer.capacity()));
      sum += buffer.capacity();
    }
    free();
    if (NBYTES.addAndGet(sum) > enough) {
      collect();
    }
  }

  /** Bytes that are shown now. */
  static long nbytes() {
    free();
    return NBYTES.get();
  }

  /** Frees what cannot be reached. */
  static void free() {
    for (Reference<?> found = UNREACHABLE.poll(); found != null; found = UNREACHABLE.poll()) {
      Part part = (Part) found;
      WATCHED.remove(part);
      NBYTES.addAndGet(-part.nbytes);
      if (part.left.decrementAndGet() == 0) {
        NativeCalls.free(part.memory);
      }
    }
  }

  private static synchronized void collect() {
    for (int i = 0; i < 6 && NBYTES.get() > enough; i++) {
      System.gc();
      try {
        // References are queued by a thread of Java's own.
        Thread.sleep(1L << i);
      } catch (InterruptedException error) {
        Thread.currentThread().interrupt();
        break;
      }
      free();
    }
    long used = NBYTES.get();
    if (used > enough) {
      enough = used + used / 2;
    }
  }
}

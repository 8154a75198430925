package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** An array that gets longer while it is sent, a few rows at a time. */
public final class GrowingSender {
  private final Connection connection;
  private final Dtype dtype;
  private final long[] rowShape;
  private final long transfer = NpbWriter.newTransfer();

  /** The tile that is being filled. */
  private final ByteBuffer tile;

  private final int rowNbytes;
  private long rows;
  private long number;
  private long blocks;

  /** How much of the tile the peer has already. */
  private int flushed;

  GrowingSender(Connection connection, String name, Dtype dtype, long[] rowShape, long most)
      throws IOException {
    this.connection = connection;
    this.dtype = dtype;
    this.rowShape = rowShape.clone();
    long nbytes;
    try {
      nbytes = Shapes.nbytes(rowShape, dtype.itemsize());
    } catch (NdferryException error) {
      throw new IllegalArgumentException(error.getMessage(), error);
    }
    if (nbytes == 0 || nbytes > most) {
      throw new IllegalArgumentException("rows of " + nbytes + " bytes; 1 to " + most + " are possible");
    }
    rowNbytes = (int) nbytes;
    int rowsPerTile = (int) Math.max(1, Math.min(NpbWriter.BLOCK, most) / nbytes);
    tile = ByteBuffer.allocate(rowsPerTile * rowNbytes);
    long[] shape = join(0, rowShape);
    NpbManifest manifest = NpbManifest.of(dtype, shape, join(rowsPerTile, rowShape));
    manifest.growing = true;
    manifest.dataBlocks = -1;
    byte[] head = NpyHeader.of(dtype, shape, false).encode();
    connection.begin(transfer, manifest, NpbWriter.headers(head, name));
  }

  private static long[] join(long first, long[] rest) {
    long[] out = new long[rest.length + 1];
    out[0] = first;
    System.arraycopy(rest, 0, out, 1, rest.length);
    return out;
  }

  /**
   * Adds rows. They are sent when a block is full; {@link #flush} sends them at once.
   *
   * @param more one row, or several along a first axis
   * @throws IllegalArgumentException if they are of another dtype or shape
   * @throws NdferryException if the peer refuses, breaks off or falls silent
   * @throws IOException as the system says
   */
  public void append(NDArray more) throws IOException {
    NDArray several = Arrays.equals(more.shape(), rowShape) ? more.slice("None, ...") : more;
    long[] shape = several.shape();
    boolean fits = shape.length == rowShape.length + 1 && more.dtype().equals(dtype);
    if (!fits || !Arrays.equals(Arrays.copyOfRange(shape, 1, shape.length), rowShape)) {
      throw new IllegalArgumentException(
          Literal.tuple(more.shape()) + " of " + more.dtype() + " are no rows of " + Literal.tuple(rowShape));
    }
    for (ByteBuffer piece : several.buffers()) {
      while (piece.hasRemaining()) {
        ByteBuffer part = piece.duplicate();
        part.limit(part.position() + Math.min(part.remaining(), tile.remaining()));
        piece.position(part.limit());
        tile.put(part);
        if (!tile.hasRemaining()) {
          send();
          number++;
          tile.clear();
          flushed = 0;
        }
      }
    }
    rows += shape[0];
  }

  /**
   * Sends all rows that have been added, even if they do not fill a block.
   *
   * @throws NdferryException if the peer refuses, breaks off or falls silent
   * @throws IOException as the system says
   */
  public void flush() throws IOException {
    if (tile.position() > flushed) {
      send();
      flushed = tile.position();
    }
  }

  private void send() throws IOException {
    ByteBuffer raw = tile.duplicate();
    raw.flip();
    try {
      connection.block(transfer, number, raw);
    } catch (NdferryException error) {
      throw error;
    } catch (IOException error) {
      throw connection.why(error);
    }
    blocks++;
  }

  /**
   * Ends the array. Returns only when the other side has said that it is stored and verified.
   *
   * @return how many rows there were
   * @throws NdferryException if the peer refuses, breaks off or falls silent
   * @throws IOException as the system says
   */
  public long finish() throws IOException {
    flush();
    connection.end(transfer, blocks, rows);
    connection.acknowledged(transfer, blocks);
    return rows;
  }
}

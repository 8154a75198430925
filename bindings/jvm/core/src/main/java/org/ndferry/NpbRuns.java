package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Takes tiles apart into runs for an {@link ArraySink}. */
final class NpbRuns implements NpbDecoder.Sink {
  private final ArraySink sink;
  private NpbManifest manifest;
  private NpyHeader header;
  private byte[] head;
  private TileGrid grid;
  private long[] strides;

  NpbRuns(ArraySink sink) {
    this.sink = sink;
  }

  @Override
  public void begin(NpbManifest manifest, List<byte[]> headers) throws IOException {
    this.manifest = manifest;
    head = headers.get(0);
    header = manifest.checked(head, manifest.shape);
    grid = manifest.grid();
    strides = Shapes.strides(grid.shape, grid.itemsize, false);
    String name = headers.size() > 1 ? NpbAssembly.name(headers.get(1)) : "";
    sink.begin(name, header.dtype(), header.shape(), header.isFortran());
  }

  @Override
  public void block(NpbBlock block) throws IOException {
    ByteBuffer raw = block.raw(manifest);
    long[] start = grid.start(block.number);
    long[] extents = grid.extents(start);
    long at = 0;
    for (int axis = 0; axis < start.length; axis++) {
      at += start[axis] * strides[axis];
    }
    // As many last axes as are whole make one run.
    int outer = extents.length;
    long run = grid.itemsize;
    while (outer > 0 && strides[outer - 1] == run) {
      run *= extents[--outer];
    }
    int pieces = 1;
    for (int axis = 0; axis < outer; axis++) {
      pieces = Math.multiplyExact(pieces, Math.toIntExact(extents[axis]));
    }
    long length = outer == 0 ? raw.remaining() : run; // a short last tile is shorter
    long[] index = new long[outer];
    for (int piece = 0; piece < pieces && raw.hasRemaining(); piece++) {
      ByteBuffer part = raw.duplicate();
      part.limit((int) (part.position() + Math.min(length, part.remaining())));
      raw.position(part.limit());
      sink.run(at, part);
      for (int axis = outer - 1; axis >= 0; axis--) {
        at += strides[axis];
        if (++index[axis] < extents[axis]) {
          break;
        }
        at -= extents[axis] * strides[axis];
        index[axis] = 0;
      }
    }
  }

  @Override
  public void end(long[] shape) throws IOException {
    sink.end(manifest.checked(head, shape).shape());
  }
}

package org.ndferry.imagej;

import ij.ImagePlus;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ndferry.NDArray;
import org.ndferry.Npb;
import org.ndferry.NpbArray;
import org.ndferry.Npy;
import org.ndferry.Npz;
import org.ndferry.PickleReader;
import org.ndferry.PickleWriter;

/** Files of arrays as images: NPY, NPZ, NPB and pickles, told by their first bytes. */
final class ArrayFiles {
  private ArrayFiles() {}

  /**
   * The images of a file.
   *
   * @param member the name of one array; empty for all
   * @param lazily whether planes are read when they are looked at; the file stays open
   */
  static List<ImagePlus> open(Path file, String member, String axes, boolean cast, boolean lazily)
      throws IOException {
    String title = String.valueOf(file.getFileName());
    List<ImagePlus> images = new ArrayList<>();
    if (isNpb(file) && lazily) {
      Npb npb = Npb.open(file); // open as long as its images are
      for (NpbArray array : npb.arrays()) {
        if (member.isEmpty() || member.equals(array.name())) {
          String name = array.name().isEmpty() ? title : title + ":" + array.name();
          images.add(LazyStack.image(name, array.dtype(), array.shape(), axes, cast, array::read));
        }
      }
    } else if (lazily) {
      NDArray array = Npy.map(file);
      images.add(LazyStack.image(title, array.dtype(), array.shape(), axes, cast, array::slice));
    } else {
      for (Map.Entry<String, NDArray> entry : read(file).entrySet()) {
        if (member.isEmpty() || member.equals(entry.getKey())) {
          String name = entry.getKey().isEmpty() ? title : title + ":" + entry.getKey();
          images.add(Images.toImage(name, entry.getValue(), axes, cast));
        }
      }
    }
    if (images.isEmpty()) {
      throw new IllegalArgumentException(member.isEmpty() ? "no arrays in it" : "no array " + member + " in it");
    }
    return images;
  }

  /** Whether it is one; what other formats begin with too is told by the name. */
  static boolean isOne(Path file) throws IOException {
    String name = String.valueOf(file.getFileName()).toLowerCase(java.util.Locale.ROOT);
    boolean pickle = name.endsWith(".pkl") || name.endsWith(".pickle");
    return isNpb(file) || starts(file, 0x93, 'N', 'U', 'M', 'P', 'Y') || name.endsWith(".npz") || pickle;
  }

  private static boolean isNpb(Path file) throws IOException {
    return starts(file, 0x93, 'N', 'P', 'B');
  }

  private static boolean starts(Path file, int... magic) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      for (int expected : magic) {
        if (in.read() != expected) {
          return false;
        }
      }
    }
    return true;
  }

  static Map<String, NDArray> read(Path file) throws IOException {
    if (starts(file, 0x93, 'N', 'U', 'M', 'P', 'Y')) {
      return Collections.singletonMap("", Npy.read(file));
    }
    if (isNpb(file)) {
      return Npb.read(file);
    }
    if (starts(file, 'P', 'K')) {
      return Npz.read(file);
    }
    return PickleReader.read(file);
  }

  /** Writes one array; the name's extension tells the format. */
  static void save(Path file, NDArray array) throws IOException {
    String name = String.valueOf(file.getFileName());
    Map<String, NDArray> named = new LinkedHashMap<>();
    switch (name.substring(name.lastIndexOf('.') + 1)) {
      case "npy":
        Npy.write(file, array);
        break;
      case "npz":
        named.put("arr_0", array);
        Npz.write(file, named, true);
        break;
      case "npb":
        named.put("", array);
        Npb.write(file, named, Npb.Packing.SHUFFLE_DEFLATE);
        break;
      case "pkl":
      case "pickle":
        PickleWriter.write(file, array, 3);
        break;
      default:
        throw new IllegalArgumentException(name + ": save as .npy, .npz, .npb or .pkl");
    }
  }
}

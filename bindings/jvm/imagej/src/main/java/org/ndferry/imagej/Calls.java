package org.ndferry.imagej;

import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.gui.Roi;
import ij.measure.ResultsTable;
import ij.plugin.frame.RoiManager;
import ij.process.LUT;
import java.io.IOException;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ndferry.Dtype;
import org.ndferry.NDArray;

/** What can be asked of ImageJ: see {@code docs/formats/imagej.md}. */
final class Calls {
  /** From so many bytes on shared memory is worth while. */
  private static final long LARGE = 2 << 20;

  private final Session session;

  /** Planes that an update has filled, to be filled again by the next one of the same kind. */
  private Planes spare;

  Calls(Session session) {
    this.session = session;
  }

  void answer(String name, Fields call) throws Problem, IOException {
    try {
      dispatch(name, call);
    } catch (Problem | RuntimeException error) {
      Problem problem = Problem.of(error);
      // ImageJ's own methods fail in ways of their own if somebody closes the image meanwhile.
      boolean isImages = call.has("id") && problem.code.equals("imagej");
      if (isImages && WindowManager.getImage(call.integer("id", 0)) == null) {
        throw closed(call.integer("id", 0));
      }
      throw problem;
    }
  }

  private static Problem closed(int id) {
    return new Problem("closed", "image " + id + " is not open in ImageJ any more");
  }

  private void dispatch(String name, Fields call) throws Problem, IOException {
    switch (name) {
      case "status":
        session.answer(status());
        return;
      case "images":
        session.answer(images());
        return;
      case "info":
        described(image(call));
        return;
      case "show":
        show(call);
        return;
      case "update":
        update(call);
        return;
      case "lazy":
        lazy(call);
        return;
      case "open":
        open(call);
        return;
      case "pull":
        pull(call);
        return;
      case "describe":
        describe(call);
        return;
      case "close":
        close(call);
        return;
      case "rois":
        rois(call);
        return;
      case "results":
        results(call);
        return;
      case "macro":
        String code = call.text("code", "");
        String argument = call.text("argument", "");
        macro(code, argument);
        return;
      default:
        throw new Problem("usage", "this plugin knows no call \"" + name + "\"");
    }
  }

  private static Map<String, Object> status() {
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("pid", Discovery.pid());
    out.put("version", Server.VERSION);
    out.put("plugin", Server.plugin());
    out.put("imagej", IJ.getVersion());
    out.put("java", System.getProperty("java.version"));
    out.put("images", WindowManager.getImageCount());
    out.put("tables", Tables.titles());
    out.put("macros", Macros.policy());
    out.put("dialog", Session.dialog());
    Runtime runtime = Runtime.getRuntime();
    out.put("memory_used", runtime.totalMemory() - runtime.freeMemory());
    out.put("memory_most", runtime.maxMemory());
    return out;
  }

  private Map<String, Object> images() throws Problem, IOException {
    List<Object> images = new ArrayList<>();
    int[] ids = WindowManager.getIDList();
    for (int id : ids == null ? new int[0] : ids) {
      ImagePlus image = WindowManager.getImage(id);
      if (image != null) {
        images.add(Description.brief(image));
      }
    }
    ImagePlus current = WindowManager.getCurrentImage();
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("images", images);
    out.put("current", current == null ? null : (Object) current.getID());
    return out;
  }

  /** The image of the call's {@code id}, or the current one. */
  private static ImagePlus image(Fields call) throws Problem {
    if (!call.has("id")) {
      ImagePlus image = WindowManager.getCurrentImage();
      if (image == null) {
        throw new Problem("no-image", "no image is open in ImageJ");
      }
      return image;
    }
    ImagePlus image = WindowManager.getImage(call.integer("id", 0));
    // A positive number counts windows; names of images are negative.
    if (image == null || call.integer("id", 0) >= 0) {
      throw closed(call.integer("id", 0));
    }
    return image;
  }

  private void described(ImagePlus image) throws Problem, IOException {
    session.answer(session.work(() -> Collections.singletonMap("image", Description.of(image))));
  }

  /** An array that a call announces. */
  private static final class Announced {
    final Dtype dtype;
    final long[] shape;
    final boolean fortran;
    final String axes;
    final boolean cast;

    Announced(Fields call) throws Problem {
      Fields array = call.object("array");
      if (!(array.get("dtype") instanceof String)) {
        throw new Problem("dtype", "ImageJ has no pixels for structs");
      }
      try {
        dtype = Dtype.of(array.text("dtype", ""));
        shape = array.sizes("shape");
        fortran = array.text("order", "C").equals("F");
        cast = call.flag("cast");
        Pixels.of(dtype, call.text("axes", "").toUpperCase(java.util.Locale.ROOT).indexOf('S') >= 0);
      } catch (IllegalArgumentException error) {
        throw new Problem("dtype", error.getMessage());
      }
      try {
        axes = Axes.of(call.text("axes", ""), shape.length);
      } catch (IllegalArgumentException error) {
        throw new Problem("axes", error.getMessage());
      }
    }
  }

  /** The array as ImageJ's planes. */
  private Planes take(Announced array) throws Problem, IOException {
    if (!Planes.fits(array.axes, array.fortran)) {
      Planes.of(array.dtype, array.shape, array.fortran, array.axes, array.cast); // checks
      NDArray whole = session.receive().values().iterator().next();
      return session.work(() -> Planes.of(whole, array.axes, array.cast));
    }
    boolean again = spare != null && spare.takes(array.dtype, array.shape, array.fortran, array.axes, array.cast);
    Planes planes =
        again ? spare : Planes.of(array.dtype, array.shape, array.fortran, array.axes, array.cast);
    spare = null;
    session.receive(planes);
    return planes;
  }

  private void show(Fields call) throws Problem, IOException {
    Announced array = new Announced(call);
    Planes planes = take(array);
    session.answer(
        session.work(
            () -> {
              ImagePlus image = planes.image(call.text("title", "array"));
              Description.apply(call, image);
              image.show();
              return Collections.singletonMap("image", Description.of(image));
            }));
  }

  private void update(Fields call) throws Problem, IOException {
    ImagePlus image = image(call);
    Announced array = new Announced(call);
    Planes planes = take(array);
    boolean inPlace = planes.fits(image);
    Map<String, Object> answer =
        session.work(
            () -> {
              // Closed meanwhile?
              if (WindowManager.getImage(image.getID()) != image) {
                throw closed(image.getID());
              }
              if (inPlace) {
                planes.into(image);
              } else {
                LUT[] luts = image.getType() == ImagePlus.COLOR_RGB ? new LUT[0] : image.getLuts();
                ImagePlus other = planes.image(image.getTitle());
                image.setStack(other.getStack(), other.getNChannels(), other.getNSlices(), other.getNFrames());
                image.getCalibration().setFunction(
                    other.getCalibration().getFunction(),
                    other.getCalibration().getCoefficients(),
                    other.getCalibration().getValueUnit());
                Images.remember(image, array.dtype, array.axes, Images.pixels(image) == Pixels.RGB ? Images.samples(other) : 0);
                Description.keepColours(image, luts);
                Description.resetRanges(image);
              }
              Description.apply(call, image);
              if (call.flag("autoscale")) {
                Description.resetRanges(image);
              }
              image.updateAndDraw();
              return call.flag("brief")
                  ? Collections.<String, Object>emptyMap()
                  : Collections.<String, Object>singletonMap("image", Description.of(image));
            });
    if (inPlace) {
      spare = planes;
    }
    session.answer(answer);
  }

  /** A stack whose planes the caller has, and is asked for over this connection from now on. */
  private void lazy(Fields call) throws Problem, IOException {
    Announced array = new Announced(call);
    RemotePlanes source = new RemotePlanes(session.connection());
    // From here on the caller answers for planes, until the image is closed; ImageJ asks for the first ones at once.
    session.answer(Collections.singletonMap("serve", true));
    try {
      session.answer(
          session.work(
              () -> {
                ImagePlus image =
                    LazyStack.image(
                        call.text("title", "array"), array.dtype, array.shape, array.axes, array.cast, source);
                source.begin(image);
                Description.apply(call, image);
                image.show();
                return Collections.singletonMap("image", Description.of(image));
              }));
      session.keep();
    } catch (Problem problem) {
      session.answer(problem.json());
      source.close();
      session.keep();
    }
  }

  private void open(Fields call) throws Problem, IOException {
    String path = call.text("path", "");
    String axes = call.text("axes", "");
    String member = call.text("member", "");
    boolean cast = call.flag("cast");
    boolean lazily = call.flag("lazy");
    session.answer(
        session.work(
            () -> {
              List<Object> images = new ArrayList<>();
              for (ImagePlus image : ArrayFiles.open(Paths.get(path), member, axes, cast, lazily)) {
                Description.apply(call, image);
                image.show();
                images.add(Description.of(image));
              }
              return Collections.singletonMap("images", images);
            }));
  }

  private void pull(Fields call) throws Problem, IOException {
    ImagePlus image = image(call);
    Pixels pixels = Images.pixels(image);
    String axes = Images.axes(image);
    int samples = Images.samples(image);
    String dtype = Images.dtype(image);
    int[] places = Images.places(image, axes);
    boolean same = dtype == null || dtype.equals(pixels.dtype().str());
    Map<String, Object> description = session.work(() -> Description.of(image));
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("image", description);
    answer.put("arrays", true);
    if (same && places != null) {
      PlaneSource source = new PlaneSource(image, pixels, samples, places);
      long[] shape = new long[axes.length()];
      List<?> extents = (List<?>) description.get("shape");
      for (int i = 0; i < shape.length; i++) {
        shape[i] = ((Number) extents.get(i)).longValue();
      }
      if (source.nbytes() >= LARGE) {
        session.takeOffer(answer);
      }
      session.answer(answer);
      try {
        session.connection().send("", pixels.dtype(), shape, source);
      } catch (RuntimeException error) {
        // In the middle of a transfer nothing else can be said.
        throw new IOException("the image was closed", error);
      }
      return;
    }
    NDArray array = session.work(() -> Images.toArray(image));
    description.put("dtype", array.dtype().str());
    if (array.nbytes() >= LARGE) {
      session.takeOffer(answer);
    }
    session.answer(answer);
    session.connection().send(array);
  }

  private void describe(Fields call) throws Problem, IOException {
    ImagePlus image = image(call);
    session.answer(
        session.work(
            () -> {
              Description.apply(call, image);
              if (call.flag("no-roi")) {
                image.deleteRoi();
              }
              image.updateAndDraw();
              return Collections.singletonMap("image", Description.of(image));
            }));
  }

  private void close(Fields call) throws Problem, IOException {
    ImagePlus image = image(call);
    session.work(
        () -> {
          image.changes = false; // nobody is asked
          image.close();
          return null;
        });
    session.answer(Collections.emptyMap());
  }

  /** Those of the ROI manager. */
  private void rois(Fields call) throws Problem, IOException {
    session.answer(
        session.work(
            () -> {
              if (call.has("rois")) {
                List<Roi> rois = new ArrayList<>();
                for (Object json : call.list("rois")) {
                  rois.add(Rois.parse(json, null));
                }
                RoiManager manager = RoiManager.getRoiManager();
                manager.reset();
                for (Roi roi : rois) {
                  manager.addRoi(roi);
                }
              }
              RoiManager manager = RoiManager.getInstance2();
              Roi[] rois = manager == null ? new Roi[0] : manager.getRoisAsArray();
              return Collections.singletonMap("rois", Rois.json(rois));
            }));
  }

  private void results(Fields call) throws Problem, IOException {
    String title = call.text("title", "Results");
    if (call.has("columns")) {
      List<?> columns = call.list("columns");
      NDArray numbers = session.receive().values().iterator().next();
      if (numbers.ndim() != 2 || !numbers.dtype().equals(Dtype.FLOAT64)) {
        throw new Problem("usage", "a table needs an array of float64 with rows and columns");
      }
      session.work(
          () -> {
            Tables.show(title, columns, numbers);
            return null;
          });
      session.answer(Collections.emptyMap());
      return;
    }
    List<Map<String, Object>> columns = new ArrayList<>();
    NDArray numbers =
        session.work(
            () -> {
              ResultsTable table = Tables.find(title);
              columns.addAll(Tables.columns(table));
              return Tables.numbers(table, columns);
            });
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("columns", columns);
    answer.put("arrays", true);
    session.answer(answer);
    session.connection().send(numbers);
  }

  private void macro(String code, String argument) throws Problem, IOException {
    String result;
    try {
      result = Macros.run(session, code, argument);
    } catch (Problem | IOException | RuntimeException error) {
      throw error;
    } catch (Exception error) {
      throw Problem.of(error);
    }
    session.answer(Collections.singletonMap("result", result));
  }
}

package org.ndferry.imagej;

import ij.CompositeImage;
import ij.ImagePlus;
import ij.ImageStack;
import ij.gui.Overlay;
import ij.measure.Calibration;
import ij.plugin.LutLoader;
import ij.process.LUT;
import java.awt.image.IndexColorModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What there is to an image beside its pixels, as JSON both ways: see {@code docs/formats/imagej.md}. */
final class Description {
  private static final String MICRON = "\u00b5m";
  private static final int LUT_NBYTES = 768;

  private Description() {}

  /** All of it. */
  static Map<String, Object> of(ImagePlus image) {
    Map<String, Object> out = brief(image);
    Calibration calibration = image.getCalibration();
    if (calibration.scaled()) {
      double[] spacing = {calibration.pixelDepth, calibration.pixelHeight, calibration.pixelWidth};
      out.put("spacing", spacing);
      String unit = calibration.getUnit();
      out.put("unit", unit.equals(MICRON) ? "um" : unit);
    }
    if (calibration.xOrigin != 0 || calibration.yOrigin != 0 || calibration.zOrigin != 0) {
      out.put("origin", new double[] {calibration.zOrigin, calibration.yOrigin, calibration.xOrigin});
    }
    if (calibration.frameInterval != 0) {
      out.put("interval", calibration.frameInterval);
    }
    boolean rgb = image.getType() == ImagePlus.COLOR_RGB;
    if (!rgb) {
      List<Object> ranges = new ArrayList<>();
      List<Object> luts = new ArrayList<>();
      for (LUT lut : image.getLuts()) {
        ranges.add(new double[] {value(calibration, lut.min), value(calibration, lut.max)});
        luts.add(Base64.getEncoder().encodeToString(Arrays.copyOfRange(lut.getBytes(), 0, LUT_NBYTES)));
      }
      if (!image.isComposite()) {
        ranges.set(0, new double[] {
          value(calibration, image.getDisplayRangeMin()), value(calibration, image.getDisplayRangeMax())
        });
      }
      out.put("ranges", ranges);
      out.put("luts", luts);
    }
    if (image.isComposite()) {
      out.put("mode", ((CompositeImage) image).getModeAsString());
    }
    List<String> labels = labels(image);
    if (labels != null) {
      out.put("labels", labels);
    }
    if (image.getInfoProperty() != null) {
      out.put("info", image.getInfoProperty());
    }
    if (image.getRoi() != null) {
      out.put("roi", Rois.json(image.getRoi()));
    }
    if (image.getOverlay() != null && image.getOverlay().size() > 0) {
      out.put("overlay", Rois.json(image.getOverlay().toArray()));
    }
    return out;
  }

  /** What a list of images says of each. */
  static Map<String, Object> brief(ImagePlus image) {
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("id", image.getID());
    out.put("title", image.getTitle());
    String axes = Images.axes(image);
    long[] extents = Images.extents(image);
    List<Object> shape = new ArrayList<>();
    for (char letter : axes.toCharArray()) {
      int which = "TZCYX".indexOf(letter);
      shape.add(which < 0 ? (long) Images.samples(image) : extents[which]);
    }
    out.put("axes", axes);
    out.put("shape", shape);
    String dtype = Images.dtype(image);
    out.put("dtype", dtype != null ? dtype : Images.pixels(image).dtype().str());
    out.put("bits", image.getBitDepth());
    out.put("virtual", image.getStack().isVirtual());
    return out;
  }

  /** Sixteen-bit pixels with the signed calibration are told as the numbers that they mean. */
  private static double value(Calibration calibration, double raw) {
    return calibration.isSigned16Bit() ? raw - 32768 : raw;
  }

  private static List<String> labels(ImagePlus image) {
    ImageStack stack = image.getStack();
    int count = stack.getSize();
    List<String> labels = new ArrayList<>();
    boolean any = false;
    for (int i = 1; i <= count; i++) {
      String label = count == 1 ? (String) image.getProperty("Label") : stack.getSliceLabel(i);
      labels.add(label);
      any |= label != null && !label.isEmpty();
    }
    return any ? labels : null;
  }

  /** Makes an image what the fields say; what they do not speak of stays. */
  static void apply(Fields fields, ImagePlus image) throws Problem {
    if (fields.has("title")) {
      image.setTitle(fields.text("title", ""));
    }
    calibrate(fields, image.getCalibration());
    if (fields.has("labels")) {
      labels(fields.list("labels"), image);
    }
    if (fields.has("info")) {
      image.setProperty("Info", fields.text("info", ""));
    }
    colours(fields, image);
    if (fields.has("roi")) {
      image.setRoi(Rois.parse(fields.get("roi"), image));
    }
    if (fields.has("overlay")) {
      image.setOverlay(overlay(fields.list("overlay"), image));
    }
  }

  static Overlay overlay(List<?> rois, ImagePlus image) throws Problem {
    Overlay overlay = new Overlay();
    for (Object json : rois) {
      overlay.add(Rois.parse(json, image));
    }
    return overlay.size() == 0 ? null : overlay;
  }

  private static void calibrate(Fields fields, Calibration calibration) throws Problem {
    if (fields.has("spacing")) {
      double[] spacing = fields.numbers("spacing", 3);
      for (double step : spacing) {
        if (!(step > 0) || Double.isInfinite(step)) {
          throw new Problem("usage", "spacing: numbers above 0 are needed");
        }
      }
      calibration.pixelDepth = spacing[0];
      calibration.pixelHeight = spacing[1];
      calibration.pixelWidth = spacing[2];
    }
    if (fields.has("unit")) {
      calibration.setUnit(fields.text("unit", ""));
    }
    if (fields.has("origin")) {
      double[] origin = fields.numbers("origin", 3);
      calibration.zOrigin = origin[0];
      calibration.yOrigin = origin[1];
      calibration.xOrigin = origin[2];
    }
    if (fields.has("interval")) {
      calibration.frameInterval = fields.number("interval", 0);
      calibration.setTimeUnit("sec");
    }
  }

  private static void labels(List<?> labels, ImagePlus image) throws Problem {
    int count = image.getStackSize();
    if (labels.size() != count) {
      throw new Problem("usage", "labels: " + labels.size() + " for " + count + " planes");
    }
    for (int i = 0; i < count; i++) {
      String label = labels.get(i) == null ? null : String.valueOf(labels.get(i));
      if (count == 1) {
        image.setProperty("Label", label);
      } else {
        image.getStack().setSliceLabel(label, i + 1);
      }
    }
  }

  private static void colours(Fields fields, ImagePlus image) throws Problem {
    if (image.getType() == ImagePlus.COLOR_RGB) {
      if (fields.has("luts") || fields.has("ranges")) {
        throw new Problem("usage", "an RGB image has neither luts nor ranges");
      }
      return;
    }
    CompositeImage composite = image.isComposite() ? (CompositeImage) image : null;
    int channels = composite == null ? 1 : image.getNChannels();
    if (composite != null && fields.has("mode")) {
      int mode = Arrays.asList("composite", "color", "grayscale").indexOf(fields.text("mode", "").toLowerCase());
      if (mode < 0) {
        throw new Problem("usage", "mode: composite, color or grayscale is needed");
      }
      composite.setMode(new int[] {CompositeImage.COMPOSITE, CompositeImage.COLOR, CompositeImage.GRAYSCALE}[mode]);
    }
    if (fields.has("luts")) {
      List<?> luts = fields.list("luts");
      if (luts.size() != channels) {
        throw new Problem("usage", "luts: " + luts.size() + " for " + channels + " channels");
      }
      for (int i = 0; i < channels; i++) {
        LUT lut = lut(luts.get(i));
        if (composite != null) {
          LUT old = composite.getChannelLut(i + 1);
          lut.min = old.min;
          lut.max = old.max;
          composite.setChannelLut(lut, i + 1);
        } else {
          double low = image.getDisplayRangeMin();
          double high = image.getDisplayRangeMax();
          image.setLut(lut);
          image.setDisplayRange(low, high);
        }
      }
    }
    if (fields.has("ranges")) {
      ranges(fields.list("ranges"), image, composite, channels);
    }
  }

  private static void ranges(List<?> ranges, ImagePlus image, CompositeImage composite, int channels)
      throws Problem {
    if (ranges.size() != channels) {
      throw new Problem("usage", "ranges: " + ranges.size() + " for " + channels + " channels");
    }
    double shift = image.getCalibration().isSigned16Bit() ? 32768 : 0;
    for (int i = 0; i < channels; i++) {
      if (ranges.get(i) == null) {
        continue;
      }
      if (!(ranges.get(i) instanceof List)) {
        throw new Problem("usage", "ranges: a list of two numbers for each channel is needed");
      }
      double[] range = Fields.numbers("ranges", (List<?>) ranges.get(i), 2);
      if (composite != null) {
        LUT lut = composite.getChannelLut(i + 1);
        lut.min = range[0] + shift;
        lut.max = range[1] + shift;
        composite.setChannelLut(lut, i + 1);
      } else {
        image.setDisplayRange(range[0] + shift, range[1] + shift);
      }
    }
  }

  /** A look-up table by its name in ImageJ, or as 256 reds, greens and blues. */
  private static LUT lut(Object json) throws Problem {
    String text = json instanceof String ? (String) json : "";
    if (text.length() == LUT_NBYTES / 3 * 4) {
      byte[] bytes;
      try {
        bytes = Base64.getDecoder().decode(text);
      } catch (IllegalArgumentException error) {
        throw new Problem("usage", "luts: no base64");
      }
      int n = LUT_NBYTES / 3;
      return new LUT(
          Arrays.copyOf(bytes, n), Arrays.copyOfRange(bytes, n, 2 * n), Arrays.copyOfRange(bytes, 2 * n, 3 * n));
    }
    // A name, not a path.
    IndexColorModel model = text.matches("[\\w /-]+") && !text.contains("..") ? model(text) : null;
    if (model == null) {
      throw new Problem("usage", "luts: ImageJ has none of the name " + (text.isEmpty() ? String.valueOf(json) : text));
    }
    return new LUT(model, 0, 255);
  }

  private static IndexColorModel model(String name) {
    String lower = name.toLowerCase(java.util.Locale.ROOT);
    return LutLoader.getLut(lower.equals("gray") || lower.equals("grey") ? "grays" : name);
  }

  /** The colours that it had before it got another stack, if there are as many channels. */
  static void keepColours(ImagePlus image, LUT[] luts) {
    boolean composite = image instanceof CompositeImage;
    if (image.getType() == ImagePlus.COLOR_RGB || luts.length != (composite ? image.getNChannels() : 1)) {
      return;
    }
    if (composite) {
      ((CompositeImage) image).setLuts(luts);
    } else {
      image.setLut(luts[0]);
    }
  }

  /** The display range that shows all values of what is there now. */
  static void resetRanges(ImagePlus image) {
    if (image instanceof CompositeImage) {
      ((CompositeImage) image).resetDisplayRanges();
    } else {
      image.resetDisplayRange();
    }
  }
}

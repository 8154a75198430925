package org.ndferry.imagej;

import ij.ImagePlus;
import ij.gui.Line;
import ij.gui.OvalRoi;
import ij.gui.PointRoi;
import ij.gui.PolygonRoi;
import ij.gui.Roi;
import ij.gui.TextRoi;
import ij.io.RoiDecoder;
import ij.io.RoiEncoder;
import ij.plugin.Colors;
import ij.process.FloatPolygon;
import java.awt.Color;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Regions of interest as JSON: what everybody can read, and ImageJ's own bytes, which say all. */
final class Rois {
  private Rois() {}

  static List<Object> json(Roi[] rois) {
    List<Object> out = new ArrayList<>();
    for (Roi roi : rois) {
      out.add(json(roi));
    }
    return out;
  }

  static Map<String, Object> json(Roi roi) {
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("type", roi.getTypeAsString().toLowerCase(java.util.Locale.ROOT));
    if (roi.getName() != null) {
      out.put("name", roi.getName());
    }
    Rectangle2D.Double bounds = roi.getFloatBounds();
    out.put("bounds", new double[] {bounds.x, bounds.y, bounds.width, bounds.height});
    FloatPolygon polygon = roi.getFloatPolygon();
    if (polygon != null && roi.getType() != Roi.COMPOSITE) {
      List<Object> points = new ArrayList<>();
      for (int i = 0; i < polygon.npoints; i++) {
        points.add(new double[] {polygon.xpoints[i], polygon.ypoints[i]});
      }
      out.put("points", points);
    }
    if (roi.hasHyperStackPosition()) {
      out.put("position", new double[] {roi.getCPosition(), roi.getZPosition(), roi.getTPosition()});
    } else if (roi.getPosition() > 0) {
      out.put("plane", roi.getPosition());
    }
    if (roi.getStrokeColor() != null) {
      out.put("color", Colors.colorToString(roi.getStrokeColor()));
    }
    if (roi.getStrokeWidth() > 0) {
      out.put("width", roi.getStrokeWidth());
    }
    if (roi instanceof TextRoi) {
      out.put("text", ((TextRoi) roi).getText());
    }
    byte[] data = RoiEncoder.saveAsByteArray(roi);
    if (data != null) {
      out.put("data", Base64.getEncoder().encodeToString(data));
    }
    return out;
  }

  /** One that is described; {@code data} counts more than all the rest. */
  static Roi parse(Object json, ImagePlus image) throws Problem {
    Fields fields = new Fields(json);
    Roi roi = fields.has("data") ? decode(fields.text("data", "")) : shape(fields);
    roi.setImage(image);
    if (fields.has("name")) {
      roi.setName(fields.text("name", ""));
    }
    if (fields.has("color")) {
      Color color = Colors.decode(fields.text("color", ""), null);
      if (color == null) {
        throw new Problem("usage", "color: a name or #rrggbb is needed");
      }
      roi.setStrokeColor(color);
    }
    if (fields.has("width")) {
      roi.setStrokeWidth(fields.number("width", 1));
    }
    if (fields.has("position")) {
      double[] position = fields.numbers("position", 3);
      roi.setPosition((int) position[0], (int) position[1], (int) position[2]);
    } else if (fields.has("plane")) {
      roi.setPosition(fields.integer("plane", 0));
    }
    return roi;
  }

  private static Roi decode(String base64) throws Problem {
    Roi roi = null;
    try {
      roi = RoiDecoder.openFromByteArray(Base64.getDecoder().decode(base64));
    } catch (RuntimeException error) {
      // what follows says it
    }
    if (roi == null) {
      throw new Problem("usage", "data: these are not the bytes of a ROI");
    }
    return roi;
  }

  private static Roi shape(Fields fields) throws Problem {
    String type = fields.text("type", "");
    switch (type) {
      case "rectangle":
      case "oval":
        double[] bounds = fields.numbers("bounds", 4);
        return type.equals("oval")
            ? new OvalRoi(bounds[0], bounds[1], bounds[2], bounds[3])
            : new Roi(bounds[0], bounds[1], bounds[2], bounds[3]);
      case "text":
        double[] place = fields.numbers("bounds", 4);
        return new TextRoi(place[0], place[1], fields.text("text", ""));
      case "line":
      case "straight line":
        float[][] ends = points(fields);
        if (ends[0].length != 2) {
          throw new Problem("usage", "points: a line has two");
        }
        return new Line(ends[0][0], ends[1][0], ends[0][1], ends[1][1]);
      case "point":
      case "multi-point":
        float[][] points = points(fields);
        return new PointRoi(points[0], points[1], points[0].length);
      default:
        break;
    }
    int kind;
    switch (type) {
      case "polygon":
        kind = Roi.POLYGON;
        break;
      case "freehand":
        kind = Roi.FREEROI;
        break;
      case "traced":
        kind = Roi.TRACED_ROI;
        break;
      case "polyline":
        kind = Roi.POLYLINE;
        break;
      case "freeline":
        kind = Roi.FREELINE;
        break;
      case "angle":
        kind = Roi.ANGLE;
        break;
      default:
        throw new Problem("usage", "type: there is no ROI \"" + type + "\"");
    }
    float[][] points = points(fields);
    return new PolygonRoi(points[0], points[1], points[0].length, kind);
  }

  private static float[][] points(Fields fields) throws Problem {
    List<?> list = fields.list("points");
    if (list.isEmpty()) {
      throw new Problem("usage", "points: there are none");
    }
    float[][] out = new float[2][list.size()];
    for (int i = 0; i < list.size(); i++) {
      if (!(list.get(i) instanceof List)) {
        throw new Problem("usage", "points: a list of x and y for each is needed");
      }
      double[] point = Fields.numbers("points", (List<?>) list.get(i), 2);
      out[0][i] = (float) point[0];
      out[1][i] = (float) point[1];
    }
    return out;
  }
}

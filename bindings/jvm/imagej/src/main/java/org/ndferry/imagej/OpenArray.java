package org.ndferry.imagej;

import ij.IJ;
import ij.ImagePlus;
import ij.Macro;
import ij.gui.GenericDialog;
import ij.io.OpenDialog;
import ij.plugin.PlugIn;
import ij.plugin.frame.Recorder;
import java.io.IOException;
import java.nio.file.Paths;

/**
 * Opens the arrays of a file. In a macro: {@code run("Open NumPy Array...", "open=[/path/a.npb] axes=TZCYX member=cells
 * virtual cast")}, of which all but {@code open} may be left out.
 */
public final class OpenArray implements PlugIn {
  /** For ImageJ. */
  public OpenArray() {}

  @Override
  public void run(String argument) {
    String options = Macro.getOptions();
    String path = options == null ? null : Macro.getValue(options, "open", "");
    String axes = options == null ? "" : Macro.getValue(options, "axes", "");
    String member = options == null ? "" : Macro.getValue(options, "member", "");
    boolean lazily = options != null && has(options, "virtual");
    boolean cast = options != null && has(options, "cast");
    if (options == null) {
      OpenDialog chooser = new OpenDialog("Open NumPy Array");
      if (chooser.getPath() == null) {
        return;
      }
      path = chooser.getPath();
      GenericDialog dialog = new GenericDialog("Open NumPy Array");
      dialog.addStringField("Axes (T, Z, C, Y, X, S; empty: stacks of planes)", "", 8);
      dialog.addStringField("Member (empty: all)", "", 16);
      dialog.addCheckbox("Virtual: read planes when they are looked at", false);
      dialog.addCheckbox("Cast: round numbers to 32-bit floats", false);
      dialog.showDialog();
      if (dialog.wasCanceled()) {
        return;
      }
      axes = dialog.getNextString();
      member = dialog.getNextString();
      lazily = dialog.getNextBoolean();
      cast = dialog.getNextBoolean();
      if (Recorder.record) {
        String all = "open=[" + path + "]" + (axes.isEmpty() ? "" : " axes=" + axes);
        all += (member.isEmpty() ? "" : " member=[" + member + "]") + (lazily ? " virtual" : "") + (cast ? " cast" : "");
        Recorder.recordString("run(\"Open NumPy Array...\", \"" + all.replace("\\", "\\\\") + "\");\n");
        Recorder.disableCommandRecording();
      }
    }
    try {
      for (ImagePlus image : ArrayFiles.open(Paths.get(path), member, axes, cast, lazily)) {
        image.show();
      }
    } catch (IOException | RuntimeException error) {
      IJ.error("Open NumPy Array", path + ":\n" + error.getMessage());
    }
  }

  /**
   * Whether a file is one of arrays that ImageJ would not open itself.
   *
   * @param path of the file
   * @return by its first bytes; archives and pickles by the end of their names
   */
  public static boolean isOne(String path) {
    try {
      return ArrayFiles.isOne(Paths.get(path));
    } catch (IOException | RuntimeException unreadable) {
      return false;
    }
  }

  /**
   * Shows all arrays of a file, planes and stacks of planes; what goes wrong is said to the user.
   *
   * @param path of the file
   */
  public static void show(String path) {
    try {
      for (ImagePlus image : ArrayFiles.open(Paths.get(path), "", "", false, false)) {
        image.show();
      }
    } catch (IOException | RuntimeException error) {
      IJ.error("Open NumPy Array", path + ":\n" + error.getMessage());
    }
  }

  private static boolean has(String options, String word) {
    return (" " + options + " ").contains(" " + word + " ");
  }
}

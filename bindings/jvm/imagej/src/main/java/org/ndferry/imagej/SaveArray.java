package org.ndferry.imagej;

import ij.IJ;
import ij.ImagePlus;
import ij.Macro;
import ij.WindowManager;
import ij.io.SaveDialog;
import ij.plugin.PlugIn;
import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.Paths;

/**
 * Saves the current image as an array; the extension (.npy, .npz, .npb, .pkl) tells the format. In a macro: {@code
 * run("Save as NumPy Array...", "save=[/path/a.npy]")}.
 */
public final class SaveArray implements PlugIn {
  /** For ImageJ. */
  public SaveArray() {}

  @Override
  public void run(String argument) {
    ImagePlus image = WindowManager.getCurrentImage();
    if (image == null) {
      IJ.noImage();
      return;
    }
    String options = Macro.getOptions();
    String path = options == null ? null : Macro.getValue(options, "save", "");
    if (options == null) {
      SaveDialog chooser = new SaveDialog("Save as NumPy Array", image.getShortTitle(), ".npy");
      if (chooser.getFileName() == null) {
        return;
      }
      path = Paths.get(chooser.getDirectory(), chooser.getFileName()).toString();
    }
    try {
      Path file = Paths.get(path);
      ArrayFiles.save(file, Images.toArray(image));
    } catch (IOException | RuntimeException error) {
      IJ.error("Save as NumPy Array", path + ":\n" + error.getMessage());
    }
  }
}

package org.ndferry.imagej;

import ij.IJ;
import ij.ImagePlus;
import ij.Macro;
import ij.WindowManager;
import ij.gui.GenericDialog;
import ij.plugin.PlugIn;
import java.io.IOException;
import java.util.Collections;
import org.ndferry.Connection;

/**
 * Sends the current image to a process on this machine that waits for it ({@code ndferry recv --listen
 * tcp://127.0.0.1:PORT}). In a macro: {@code run("Send Active Image...", "port=5006")}.
 */
public final class SendImage implements PlugIn {
  private static final int PORT = 5006;

  /** For ImageJ. */
  public SendImage() {}

  @Override
  public void run(String argument) {
    ImagePlus image = WindowManager.getCurrentImage();
    if (image == null) {
      IJ.noImage();
      return;
    }
    String options = Macro.getOptions();
    try {
      int port;
      if (options != null) {
        port = Integer.parseInt(Macro.getValue(options, "port", "" + PORT));
      } else {
        GenericDialog dialog = new GenericDialog("Send Active Image");
        dialog.addNumericField("Port", PORT, 0);
        dialog.showDialog();
        if (dialog.wasCanceled()) {
          return;
        }
        port = (int) dialog.getNextNumber();
      }
      try (Connection connection = Connection.connect("127.0.0.1", port)) {
        connection.send(Collections.singletonMap(image.getTitle(), Images.toArray(image)));
      }
      IJ.showStatus(image.getTitle() + " is sent and stored");
    } catch (IOException | RuntimeException error) {
      IJ.error("Send Active Image", error.getMessage());
    }
  }
}

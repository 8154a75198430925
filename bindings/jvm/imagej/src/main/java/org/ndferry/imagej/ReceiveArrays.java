package org.ndferry.imagej;

import ij.IJ;
import ij.Macro;
import ij.gui.GenericDialog;
import ij.plugin.PlugIn;
import java.io.IOException;
import java.util.Map;
import org.ndferry.Connection;
import org.ndferry.Listener;
import org.ndferry.NDArray;
import org.ndferry.NdferryException;

/**
 * Waits for one transfer from a process on this machine ({@code ndferry send FILE tcp://127.0.0.1:PORT}) and shows its
 * arrays. Escape ends the waiting. In a macro: {@code run("Receive NumPy Arrays...", "port=5005 axes=TZCYX wait=60")}.
 */
public final class ReceiveArrays implements PlugIn {
  /** Milliseconds between two looks at the escape key. */
  private static final long POLL = 200;

  private static final int PORT = 5005;
  private static final int WAIT = 60;

  /** For ImageJ. */
  public ReceiveArrays() {}

  @Override
  public void run(String argument) {
    String options = Macro.getOptions();
    int port = PORT;
    int wait = WAIT;
    String axes = "";
    boolean cast = false;
    try {
      if (options != null) {
        port = Integer.parseInt(Macro.getValue(options, "port", "" + PORT));
        wait = Integer.parseInt(Macro.getValue(options, "wait", "" + WAIT));
        axes = Macro.getValue(options, "axes", "");
        cast = (" " + options + " ").contains(" cast ");
      } else {
        // ImageJ's recorder takes the first words as keys, and they are those that macros use.
        GenericDialog dialog = new GenericDialog("Receive NumPy Arrays");
        dialog.addNumericField("Port", PORT, 0);
        dialog.addStringField("Axes (T, Z, C, Y, X, S; empty: stacks of planes)", "", 8);
        dialog.addCheckbox("Cast numbers to 32-bit floats", false);
        dialog.addNumericField("Wait (seconds)", WAIT, 0);
        dialog.showDialog();
        if (dialog.wasCanceled()) {
          return;
        }
        port = (int) dialog.getNextNumber();
        axes = dialog.getNextString();
        cast = dialog.getNextBoolean();
        wait = (int) dialog.getNextNumber();
      }
      receive(port, axes, cast, wait);
    } catch (IOException | RuntimeException error) {
      IJ.error("Receive NumPy Arrays", error.getMessage());
    }
  }

  private static void receive(int port, String axes, boolean cast, int seconds) throws IOException {
    IJ.resetEscape();
    try (Listener listener = Listener.bind(port)) {
      IJ.showStatus("waiting for arrays at 127.0.0.1:" + listener.port() + "; Esc ends it");
      long end = System.nanoTime() + seconds * 1_000_000_000L;
      while (System.nanoTime() < end && !IJ.escapePressed()) {
        try (Connection connection = listener.accept(POLL)) {
          Map<String, NDArray> arrays = connection == null ? null : connection.receive();
          if (arrays == null) {
            continue;
          }
          for (Map.Entry<String, NDArray> array : arrays.entrySet()) {
            String title = array.getKey().isEmpty() ? "array" : array.getKey();
            Images.toImage(title, array.getValue(), axes, cast).show();
          }
          IJ.showStatus(arrays.size() + (arrays.size() == 1 ? " array" : " arrays") + " received");
          return;
        } catch (NdferryException error) {
          // Whoever connected has been told; the one who is waited for may still come.
          IJ.log("ndferry: " + error.getMessage());
        }
      }
      throw new IOException("nobody has sent arrays to 127.0.0.1:" + listener.port());
    }
  }
}

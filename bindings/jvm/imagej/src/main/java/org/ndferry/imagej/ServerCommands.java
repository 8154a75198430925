package org.ndferry.imagej;

import ij.IJ;
import ij.Macro;
import ij.Prefs;
import ij.gui.GenericDialog;
import ij.plugin.PlugIn;
import ij.text.TextWindow;
import java.awt.Toolkit;
import java.awt.datatransfer.StringSelection;
import java.io.IOException;

/**
 * The server's entries in the menu. In macros: {@code run("Start ndferry Server")}, {@code run("Stop ndferry Server")},
 * {@code run("Allow Macros From Python...", "allow=always")}.
 */
public final class ServerCommands implements PlugIn {
  private static final String AUTOSTART = "ndferry.autostart";
  private static final String[] POLICIES = {"ask", "session", "always", "never"};

  /** For ImageJ. */
  public ServerCommands() {}

  @Override
  public void run(String argument) {
    try {
      switch (argument) {
        case "start":
          IJ.showStatus("programs on this machine can reach ImageJ: port " + Server.start());
          break;
        case "auto":
          // What ImageJ runs when it starts.
          if (Prefs.get(AUTOSTART, true)) {
            Server.start();
          }
          break;
        case "stop":
          Server.stop();
          IJ.showStatus("programs cannot reach ImageJ any more");
          break;
        case "info":
          info();
          break;
        case "macros":
          macros();
          break;
        default:
          new TextWindow("ndferry Log", String.join("\n", Server.lines()), 700, 400);
      }
    } catch (IOException | RuntimeException error) {
      IJ.error("ndferry", error.getMessage());
    }
  }

  private static void info() throws IOException {
    int port = Server.start();
    String snippet = "import ndferry.imagej\nij = ndferry.imagej.connect()\nij.show(array)\n";
    if (Macro.getOptions() == null) {
      GenericDialog dialog = new GenericDialog("Connection Info");
      dialog.addMessage(
          "Programs of yours on this machine find this ImageJ by themselves (port " + port + ", process "
              + Discovery.pid() + ").\nIn Python:");
      dialog.addTextAreas(snippet, null, 4, 40);
      dialog.addCheckbox("Start the server with ImageJ", Prefs.get(AUTOSTART, true));
      dialog.setOKLabel("Copy");
      dialog.showDialog();
      if (dialog.wasCanceled()) {
        return;
      }
      Prefs.set(AUTOSTART, dialog.getNextBoolean());
      Prefs.savePreferences();
    }
    Toolkit.getDefaultToolkit().getSystemClipboard().setContents(new StringSelection(snippet), null);
    IJ.showStatus("copied to the clipboard");
  }

  private static void macros() {
    String options = Macro.getOptions();
    if (options != null) {
      Macros.set(Macro.getValue(options, "allow", "ask"));
      return;
    }
    GenericDialog dialog = new GenericDialog("Allow Macros From Python");
    dialog.addMessage("Macros can do all that you can do in ImageJ: also delete files.");
    String now = Macros.policy();
    dialog.addChoice("allow", POLICIES, now.equals("allowed") ? "session" : now);
    dialog.showDialog();
    if (!dialog.wasCanceled()) {
      Macros.set(dialog.getNextChoice());
    }
  }
}

import ij.gui.Toolbar;
import ij.plugin.PlugIn;
import java.awt.Point;
import java.awt.datatransfer.DataFlavor;
import java.awt.datatransfer.Transferable;
import java.awt.datatransfer.UnsupportedFlavorException;
import java.awt.dnd.DnDConstants;
import java.awt.dnd.DropTarget;
import java.awt.dnd.DropTargetContext;
import java.awt.dnd.DropTargetDropEvent;
import java.io.File;
import java.util.Arrays;
import java.util.List;

/** Drops files onto ImageJ's own window, as the system does when somebody lets go of the mouse there. */
public class Dropping_ implements PlugIn {
  @Override
  public void run(String argument) {}

  /** For {@code call} in macros: paths, one a line. */
  public static String drop(String paths) {
    File[] files = Arrays.stream(paths.split("\n")).map(File::new).toArray(File[]::new);
    DropTarget target = Toolbar.getInstance().getDropTarget();
    target.drop(new Drop(target.getDropTargetContext(), Arrays.asList(files)));
    return "dropped " + files.length;
  }

  private static final class Drop extends DropTargetDropEvent {
    private final transient List<File> files;

    Drop(DropTargetContext context, List<File> files) {
      super(context, new Point(5, 5), DnDConstants.ACTION_COPY, DnDConstants.ACTION_COPY);
      this.files = files;
    }

    @Override
    public void acceptDrop(int action) {}

    @Override
    public void dropComplete(boolean success) {}

    @Override
    public DataFlavor[] getCurrentDataFlavors() {
      return new DataFlavor[] {DataFlavor.javaFileListFlavor};
    }

    @Override
    public Transferable getTransferable() {
      return new Transferable() {
        @Override
        public DataFlavor[] getTransferDataFlavors() {
          return getCurrentDataFlavors();
        }

        @Override
        public boolean isDataFlavorSupported(DataFlavor flavor) {
          return flavor.equals(DataFlavor.javaFileListFlavor);
        }

        @Override
        public Object getTransferData(DataFlavor flavor) throws UnsupportedFlavorException {
          if (!isDataFlavorSupported(flavor)) {
            throw new UnsupportedFlavorException(flavor);
          }
          return files;
        }
      };
    }
  }
}

import ij.ImagePlus;
import ij.plugin.PlugIn;
import org.ndferry.imagej.OpenArray;

/**
 * What ImageJ asks when it does not know a file that is opened or dropped onto it; it finds this class by its name. Fiji
 * has one of its own, which is asked first.
 */
public class HandleExtraFileTypes extends ImagePlus implements PlugIn {
  /** What ImageJ takes for "all is done". */
  private static final int OPENED = -1;

  /** For ImageJ. */
  public HandleExtraFileTypes() {}

  @Override
  public void run(String path) {
    if (OpenArray.isOne(path)) {
      OpenArray.show(path);
      width = OPENED;
    }
  }
}

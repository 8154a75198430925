import ij.IJ;
import ij.plugin.PlugInInterpreter;
import org.python.core.PyDictionary;
import org.python.core.PySystemState;
import org.python.util.PythonInterpreter;

/** What ImageJ calls for scripts in Python; its own jar of this name, which it downloads, does the same. */
public class Jython extends PlugInInterpreter {
  @Override
  public String run(String script, String argument) {
    PySystemState.initialize(System.getProperties(), System.getProperties(), new String[0], IJ.getClassLoader());
    try {
      new PythonInterpreter(new PyDictionary(), new PySystemState()).exec(script);
    } catch (RuntimeException error) {
      error.printStackTrace();
    }
    return null;
  }

  @Override
  public String getReturnValue() {
    return "";
  }

  @Override
  public String getName() {
    return "Jython";
  }

  @Override
  public String getImports() {
    return "";
  }

  @Override
  public String getVersion() {
    return "2.7";
  }
}

import java.awt.Rectangle;
import java.awt.Robot;
import java.awt.Toolkit;
import java.io.File;
import javax.imageio.ImageIO;

/** What the display shows, as a PNG file; with a second argument, after a key was pressed. */
public class Screenshot {
  public static void main(String[] arguments) throws Exception {
    Robot robot = new Robot();
    if (arguments.length > 1) {
      int key = Integer.parseInt(arguments[1]);
      robot.keyPress(key);
      robot.keyRelease(key);
      Thread.sleep(500);
    }
    Rectangle all = new Rectangle(Toolkit.getDefaultToolkit().getScreenSize());
    ImageIO.write(robot.createScreenCapture(all), "png", new File(arguments[0]));
    System.exit(0);
  }
}

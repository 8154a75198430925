import java.awt.Rectangle;
import java.awt.Robot;
import java.awt.Toolkit;
import java.awt.event.InputEvent;
import java.io.File;
import javax.imageio.ImageIO;

/**
 * What the display shows (or x,y,width,height of it), as a PNG file; with a number, after that key was pressed; with a second
 * one, after a click so far down before.
 */
public class Screenshot {
  private static int number(String text) {
    return Integer.parseInt(text);
  }

  public static void main(String[] arguments) throws Exception {
    Robot robot = new Robot();
    Rectangle all = new Rectangle(Toolkit.getDefaultToolkit().getScreenSize());
    if (arguments.length > 1 && arguments[1].contains(",")) {
      String[] numbers = arguments[1].split(",");
      all = new Rectangle(number(numbers[0]), number(numbers[1]), number(numbers[2]), number(numbers[3]));
    } else if (arguments.length > 1) {
      int key = Integer.parseInt(arguments[1]);
      if (arguments.length > 2) {
        // No window manager says who gets the keys: a click does, where every dialog of ImageJ is.
        robot.mouseMove(all.width / 2, number(arguments[2]));
        robot.mousePress(InputEvent.BUTTON1_DOWN_MASK);
        robot.mouseRelease(InputEvent.BUTTON1_DOWN_MASK);
        Thread.sleep(300);
      }
      robot.keyPress(key);
      robot.keyRelease(key);
      Thread.sleep(500);
    }
    ImageIO.write(robot.createScreenCapture(all), "png", new File(arguments[0]));
    System.exit(0);
  }
}

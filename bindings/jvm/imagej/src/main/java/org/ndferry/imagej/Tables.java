package org.ndferry.imagej;

import ij.IJ;
import ij.WindowManager;
import ij.measure.ResultsTable;
import ij.text.TextPanel;
import ij.text.TextWindow;
import java.awt.Frame;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ndferry.Dtype;
import org.ndferry.NDArray;

/** Results tables: numbers as an array of rows and columns, text as JSON. */
final class Tables {
  private static final String LABEL = "Label";
  private static final String RESULTS = "Results";

  private Tables() {}

  /** The titles of all that are open. */
  static List<String> titles() {
    List<String> out = new ArrayList<>();
    Frame[] frames = WindowManager.getNonImageWindows();
    for (Frame frame : frames == null ? new Frame[0] : frames) {
      if (frame instanceof TextWindow) {
        TextPanel panel = ((TextWindow) frame).getTextPanel();
        if (panel != null && panel.getResultsTable() != null) {
          out.add(frame.getTitle());
        }
      }
    }
    return out;
  }

  static ResultsTable find(String title) throws Problem {
    ResultsTable table = title.equals(RESULTS) ? ResultsTable.getResultsTable() : ResultsTable.getResultsTable(title);
    if (table == null || (table.size() == 0 && !titles().contains(title))) {
      throw new Problem("no-table", "no table \"" + title + "\" is open in ImageJ; there are: " + titles());
    }
    return table;
  }

  /** Names of the columns; with {@code text} if one is not of numbers. */
  static List<Map<String, Object>> columns(ResultsTable table) {
    List<Map<String, Object>> out = new ArrayList<>();
    for (String name : table.getHeadings()) {
      Map<String, Object> column = new LinkedHashMap<>();
      column.put("name", name);
      int index = table.getColumnIndex(name);
      boolean label = index == ResultsTable.COLUMN_NOT_FOUND;
      List<Object> text = new ArrayList<>();
      boolean isText = label;
      for (int row = 0; row < table.size(); row++) {
        String value = label ? table.getLabel(row) : table.getStringValue(index, row);
        text.add(value);
        isText |= !label && Double.isNaN(table.getValueAsDouble(index, row)) && !"NaN".equals(value);
      }
      if (isText) {
        column.put("text", text);
      }
      out.add(column);
    }
    return out;
  }

  /** The columns of numbers, side by side. */
  static NDArray numbers(ResultsTable table, List<Map<String, Object>> columns) {
    List<Integer> indexes = new ArrayList<>();
    for (Map<String, Object> column : columns) {
      if (!column.containsKey("text")) {
        indexes.add(table.getColumnIndex((String) column.get("name")));
      }
    }
    NDArray out = NDArray.zeros(Dtype.FLOAT64, table.size(), indexes.size());
    for (int row = 0; row < table.size(); row++) {
      for (int i = 0; i < indexes.size(); i++) {
        out.setDouble(table.getValueAsDouble(indexes.get(i), row), row, i);
      }
    }
    return out;
  }

  /** A table of these columns, shown in place of one of the same title. */
  static void show(String title, List<?> columns, NDArray numbers) throws Problem {
    long[] shape = numbers.shape();
    ResultsTable table = title.equals(RESULTS) ? ResultsTable.getResultsTable() : new ResultsTable();
    table.reset();
    int rows = (int) shape[0];
    int next = 0;
    for (int row = 0; row < rows; row++) {
      table.addRow();
    }
    for (Object json : columns) {
      Fields column = new Fields(json);
      String name = column.text("name", "");
      List<?> text = column.has("text") ? column.list("text") : null;
      if (name.isEmpty() || (text != null && text.size() != rows) || (text == null && next >= shape[1])) {
        throw new Problem("usage", "columns: each has a name and as many values as there are rows");
      }
      for (int row = 0; row < rows; row++) {
        if (text == null) {
          table.setValue(name, row, numbers.getDouble(row, next));
        } else if (name.equals(LABEL)) {
          table.setLabel(text.get(row) == null ? null : String.valueOf(text.get(row)), row);
        } else {
          table.setValue(name, row, String.valueOf(text.get(row)));
        }
      }
      next += text == null ? 1 : 0;
    }
    table.setPrecision(IJ.getInstance() == null ? 3 : 9);
    table.show(title);
  }
}

/// A number with so many decimals.
func decimal(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  let scale = [1.0, 10, 100, 1000, 10000, 100_000][min(max(digits, 0), 5)]
  let scaled = (abs(value) * scale).rounded()
  guard scaled < 1e15 else { return "\(value)" }
  let whole = Int(scaled)
  let sign = value < 0 && whole != 0 ? "-" : ""
  guard digits > 0 else { return sign + "\(whole)" }
  let fraction = String(whole % Int(scale))
  return sign + "\(whole / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
}

/// Bytes in the unit people use: 98.4 MB.
func byteCount(_ bytes: Int) -> String {
  switch bytes {
  case 1_000_000_000...: decimal(Double(bytes) / 1e9, 2) + " GB"
  case 1_000_000...: decimal(Double(bytes) / 1e6, 1) + " MB"
  case 1_000...: decimal(Double(bytes) / 1e3, 1) + " kB"
  default: "\(bytes) B"
  }
}

/// Columns padded to their widest cell, two spaces apart; the columns in `right` are aligned to the right.
func table(_ rows: [[String]], right: Set<Int> = []) -> String {
  let columns = rows.map(\.count).max() ?? 0
  let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
  return rows.map { row in
    var line = ""
    for (column, cell) in row.enumerated() {
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      line += (column > 0 ? "  " : "") + (right.contains(column) ? padding + cell : cell + padding)
    }
    while line.last == " " { line.removeLast() }
    return line + "\n"
  }.joined()
}

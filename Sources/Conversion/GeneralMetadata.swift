/// A name for people, made of a folder's: `all-MiniLM-L6-v2` becomes `All MiniLM L6 v2`.
func title(ofFolder path: String) -> String {
  let folder = path.split(separator: "/").last { $0 != "." && $0 != ".." } ?? "model"
  let words = folder.split { $0 == "-" || $0 == " " }.map { word in
    // Versions and names with capitals of their own stay as they are.
    let isPlain = word.allSatisfy { $0.isLowercase || $0 == "_" || $0 == "." }
    return isPlain ? word.prefix(1).uppercased() + word.dropFirst() : String(word)
  }
  return words.joined(separator: " ")
}

/// A number of parameters with at least two digits and a unit, such as `23M`, `1.7B` or `135M`.
func sizeLabel(_ count: Int) -> String {
  let units: [(size: Double, name: String)] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")]
  let unit = units.first { Double(count) > $0.size } ?? (1e3, "K")
  let scaled = Double(count) / unit.size
  let whole = Int(scaled.rounded(.toNearestOrEven))
  guard whole < 10 else { return "\(whole)\(unit.name)" }
  // One digit before the point asks for one behind it, none for two.
  let scale = whole == 0 ? 100 : 10
  let digits = Int((scaled * Double(scale)).rounded(.toNearestOrEven))
  let fraction = String(digits % scale)
  let zeros = String(repeating: "0", count: (whole == 0 ? 2 : 1) - fraction.count)
  return "\(digits / scale).\(zeros)\(fraction)\(unit.name)"
}

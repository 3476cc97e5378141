// Python counts and cuts texts by code points, so these work on Unicode scalars, never on Swift's characters.
extension String {
  /// What `len` gives: the number of code points.
  var scalarCount: Int { unicodeScalars.count }

  init(_ scalars: some Sequence<Unicode.Scalar>) {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    self.init(view)
  }

  init(utf8 bytes: some Collection<UInt8>) { self.init(decoding: bytes, as: UTF8.self) }

  /// The code points from `start` up to, not including, `end`; both within the text.
  func scalars(from start: Int, to end: Int) -> String {
    let view = unicodeScalars
    let first = view.index(view.startIndex, offsetBy: start)
    let last = view.index(first, offsetBy: Swift.max(0, end - start))
    return String(view[first..<last])
  }

  /// Without the scalars at either end for which `isStripped` holds.
  func stripped(
    start: Bool = true, end: Bool = true, _ isStripped: (Unicode.Scalar) -> Bool = { $0.isPythonSpace }
  ) -> String {
    var rest = unicodeScalars[...]
    if start { rest = rest.drop(while: isStripped) }
    if end {
      while let last = rest.last, isStripped(last) { rest.removeLast() }
    }
    return String(rest)
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Double {
  /// `repr(float)`: the shortest digits that give the number back, with an exponent from 1e16 and below 1e-4.
  var pythonDescription: String {
    if isNaN { return "nan" }
    if isInfinite { return self < 0 ? "-inf" : "inf" }
    // Swift finds the same digits, but puts the exponent elsewhere.
    let parts = magnitude.description.split(separator: "e")
    let mantissa = (parts.first ?? "0").split(separator: ".", omittingEmptySubsequences: false)
    let whole = mantissa.first ?? "0"
    var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    var digits = Array(whole + (mantissa.count > 1 ? mantissa[1] : ""))
    exponent += whole.count - 1
    while digits.count > 1, digits.first == "0" {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    if digits == ["0"] { exponent = 0 }
    return (sign == .minus ? "-" : "") + Self.layOut(digits, exponent: exponent)
  }

  private static func layOut(_ digits: [Character], exponent: Int) -> String {
    if exponent < -4 || exponent >= 16 {
      let fraction = digits.count > 1 ? "." + String(digits[1...]) : ""
      let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
      return "\(digits[0])\(fraction)e\(exponent < 0 ? "-" : "+")\(power)"
    }
    if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + String(digits) }
    if digits.count <= exponent + 1 {
      return String(digits) + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
    }
    return String(digits[...exponent]) + "." + String(digits[(exponent + 1)...])
  }

  /// The number as C's `printf` writes it with the conversion `f`, `e` or `g` (or a capital) and a precision of at most
  /// `Double.largestPrecision`; the digits are those of the exact binary value, rounded half to even.
  func formatted(_ conversion: Character, precision: Int, alternate: Bool = false) -> String {
    let capacity = 512 + Self.largestPrecision
    var buffer = [CChar](repeating: 0, count: capacity)
    let format = "%\(alternate ? "#" : "").*\(conversion)"
    let count = withVaList([Int32(clamping: precision), self]) { vsnprintf(&buffer, capacity, format, $0) }
    return String(utf8: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) })
  }

  static let largestPrecision = 1000
}

/// The vectors that the codes of an IQ type stand for.
///
/// Eight (or four) neighbouring weights are stored as one code, the number of a vector in a book: a choice among all
/// vectors of a few levels. Books list their members in ascending order, the first element being the lowest digit, so
/// they are written down as one bit for each possible vector.
struct CodeBook: Sendable {
  /// Vectors of four elements have zeros in the upper half.
  private let vectors: [SIMD8<Int8>]

  /// - Parameter members: a hexadecimal digit for each four vectors, the first in its lowest bit; other characters do
  ///   not count.
  init(levels: [Int8], dimension: Int, members: StaticString) {
    vectors = members.withUTF8Buffer { digits in
      var vectors: [SIMD8<Int8>] = []
      var number = 0
      for digit in digits {
        guard let bits = Character(UnicodeScalar(digit)).hexDigitValue else { continue }
        for bit in 0..<4 {
          if bits >> bit & 1 == 1 { vectors.append(Self.vector(number, levels, dimension)) }
          number += 1
        }
      }
      return vectors
    }
  }

  private static func vector(_ number: Int, _ levels: [Int8], _ dimension: Int) -> SIMD8<Int8> {
    var (vector, rest) = (SIMD8<Int8>.zero, number)
    for i in 0..<dimension {
      vector[i] = levels[rest % levels.count]
      rest /= levels.count
    }
    return vector
  }

  var count: Int { vectors.count }

  /// The vector of a code, which must be below `count`: types have as many codes as their book has vectors.
  @inline(__always)
  subscript(code: some BinaryInteger) -> SIMD8<Int8> { vectors[Int(truncatingIfNeeded: code)] }
}

extension SIMD8<Int8> {
  /// Element i with its sign changed where bit i of `signs` is set.
  @inline(__always)
  func negated(where signs: UInt8) -> Self {
    let bits = SIMD8<UInt8>(1, 2, 4, 8, 16, 32, 64, 128)
    let isNegative = (bits & signs) .!= 0
    return replacing(with: 0 &- self, where: isNegative)
  }

  /// Writes eight values: `scale` times (element + `offset`).
  @inline(__always)
  func write(scale: Float, offset: Float = 0, to values: UnsafeMutablePointer<Float>) {
    let elements = SIMD8<Float>(self) + offset
    UnsafeMutableRawPointer(values).storeBytes(of: elements * scale, as: SIMD8<Float>.self)
  }
}

/// The signs of eight values from the lowest seven bits of `pattern`: the number of minus signs is always even.
@inline(__always)
func evenSigns(_ pattern: some FixedWidthInteger) -> UInt8 {
  let seven = UInt8(truncatingIfNeeded: pattern) & 127
  return seven | UInt8(truncatingIfNeeded: seven.nonzeroBitCount & 1) &<< 7
}

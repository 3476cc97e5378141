import KingletQuants

/// A matrix as a file holds it, and the values of its blocks.
public struct RandomMatrix: Sendable {
  public let type: QuantType
  public let rows: Int
  public let columns: Int
  public let bytes: [UInt8]
  /// `[rows, columns]`, dequantised.
  public let values: [Float]

  public var rowByteCount: Int { bytes.count / rows }

  public init(_ type: QuantType, rows: Int, columns: Int, bytes: [UInt8]) {
    self.type = type
    self.rows = rows
    self.columns = columns
    self.bytes = bytes
    values = [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
      guard let out = buffer.baseAddress, let dequantize = type.dequantizer else { return }
      bytes.withUnsafeBytes { source in
        if let source = source.baseAddress { dequantize(source, rows * columns, out) }
      }
      count = rows * columns
    }
  }

  /// Blocks of random bits, but with scales of ordinary size.
  public init(_ type: QuantType, rows: Int, columns: Int, seed: UInt64) {
    var random = SeededRandom(seed)
    let count = rows * columns / type.blockSize
    self.init(type, rows: rows, columns: columns, bytes: type.randomBlocks(count, &random))
  }

  /// Blocks of one byte only (the largest or smallest quants), with a given scale, and a minimum of twice as much.
  public init(_ type: QuantType, rows: Int, columns: Int, filling: UInt8, scale: Float) {
    var block = [UInt8](repeating: filling, count: type.blockByteCount)
    for (i, offset) in type.scaleOffsets.enumerated() { block.store(Half(scale * Float(1 + i)), at: offset) }
    let count = rows * columns / type.blockSize
    self.init(type, rows: rows, columns: columns, bytes: Array((0..<count).map { _ in block }.joined()))
  }

  public func row(_ index: Int) -> ArraySlice<Float> { values[index * columns..<(index + 1) * columns] }

  /// What a product of a row with rounded activations may be off by where kernels do not convert integer sums (see
  /// `ActivationLayout`): three quarters of the larger scale of every 32 activations, times the scale of their weights.
  ///
  /// - Parameter scales: of each 16 activations.
  public func shiftError(row: Int, scales: [Double]) -> Double {
    guard type.largestStep > 0 else { return 0 }
    return stride(from: 0, to: columns, by: 32).reduce(0) { sum, column in
      let place = row * rowByteCount + column / type.blockSize * type.blockByteCount + type.scaleOffsets[0]
      let half = Half(bits: UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8)
      let step = Double(abs(half.float) * type.largestStep)
      return sum + 0.76 * max(scales[column / 16], scales[column / 16 + 1]) * step
    }
  }
}

extension QuantType {
  /// The types whose blocks meet int8 activations.
  public static let multipliable: [QuantType] = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .iq4_XS,
  ]

  public static let floats: [QuantType] = [.f32, .f16, .bf16]

  /// The types that are dequantised on the way to a product with float activations.
  public static let dequantized: [QuantType] = [
    .iq1_S, .iq1_M, .iq2_XXS, .iq2_XS, .iq2_S, .iq3_XXS, .iq3_S, .tq1_0, .tq2_0, .mxfp4, .nvfp4, .q1_0, .q2_0,
  ]

  /// How many times a block's scale the scale of 32 of its columns can be; 0 where it is not one for all 32.
  fileprivate var largestStep: Float {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_NL: 1
    case .iq4_XS: 32
    case .q4_K, .q5_K: 63
    default: 0
    }
  }

  /// Where a block has its half-precision scale, and its minimum if there is one.
  public var scaleOffsets: [Int] {
    switch self {
    case .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS: [0]
    case .iq1_S, .iq2_XXS, .iq2_XS, .iq2_S, .iq3_XXS, .iq3_S, .q1_0, .q2_0: [0]
    case .tq1_0: [52]
    case .tq2_0: [64]
    case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
    case .q2_K: [80, 82]
    case .q3_K: [108]
    case .q6_K: [208]
    default: []
    }
  }

  func randomBlocks(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
    switch self {
    case .f32: return random.floats(count).flatMap { withUnsafeBytes(of: $0, Array.init) }
    case .f16: return random.floats(count).flatMap { withUnsafeBytes(of: Half($0), Array.init) }
    case .bf16:
      return random.floats(count).flatMap {
        withUnsafeBytes(of: BrainFloat(bits: UInt16($0.bitPattern >> 16)), Array.init)
      }
    default:
      var bytes = random.bytes(count * blockByteCount)
      for block in 0..<count {
        for offset in scaleOffsets {
          bytes.store(Half(random.float(in: -0.05...0.05)), at: block * blockByteCount + offset)
        }
        // Two types keep their scale in other ways: as an exponent, and with its upper bits in the last byte.
        if self == .mxfp4 { bytes[block * blockByteCount] = 120 + bytes[block * blockByteCount] % 8 }
        if self == .iq1_M { bytes[(block + 1) * blockByteCount - 1] = 0x20 | bytes[block * blockByteCount] & 15 }
      }
      return bytes
    }
  }
}

extension [UInt8] {
  fileprivate mutating func store(_ half: Half, at offset: Int) {
    self[offset] = half.low
    self[offset + 1] = half.high
  }
}

import KingletErrors

/// Quantises a row: `count` values from `row`, a whole number of blocks, to `destination`, which need not be aligned.
///
/// `importance`, if any, holds for each column of the row how much an error there matters: the mean square of the
/// activations it will meet. Types that cannot weigh errors do without.
public typealias Quantizer =
  @Sendable (
    _ row: UnsafePointer<Float>, _ count: Int, _ importance: UnsafePointer<Float>?,
    _ destination: UnsafeMutableRawPointer
  ) -> Void

extension QuantType {
  /// The quantisation to this type, or nil where Kinglet has none.
  ///
  /// The methods are those of ggml's `ggml-quants.c`, step by step and rounding by rounding, so that equal weights make
  /// equal files. Values that are infinite or NaN make blocks of no meaning, but nothing worse.
  public var quantizer: Quantizer? {
    switch self {
    case .f32: keepFloats
    case .f16: roundToHalves
    case .bf16: roundToBrainFloats
    case .q4_0: BlockQ4_0.quantizer
    case .q4_1: BlockQ4_1.quantizer
    case .q5_0: BlockQ5_0.quantizer
    case .q5_1: BlockQ5_1.quantizer
    case .q8_0: BlockQ8_0.quantizer
    case .q2_K: BlockQ2_K.quantizer
    case .q3_K: BlockQ3_K.quantizer
    case .q4_K: BlockQ4_K.quantizer
    case .q5_K: BlockQ5_K.quantizer
    case .q6_K: BlockQ6_K.quantizer
    case .iq4_NL: BlockIQ4_NL.quantizer
    case .iq4_XS: BlockIQ4_XS.quantizer
    default: nil
    }
  }

  /// Whether floats can be turned into this type.
  public var isQuantizable: Bool { quantizer != nil }

  /// Quantises one row of `count` values into `destination` (any alignment), which must hold
  /// `byteCount(forElements: count)` bytes.
  ///
  /// - Parameter importance: `count` weights, or nil.
  /// - Throws: `.unsupported` when the type has no quantisation, `.invalidArgument` when `count` is no whole number of
  ///   blocks.
  public func quantize(
    _ row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>? = nil,
    into destination: UnsafeMutableRawPointer
  ) throws(KingletError) {
    guard let quantizer else { throw KingletError(.unsupported, "nothing can be quantised to \(name)") }
    guard byteCount(forElements: count) != nil else {
      throw KingletError(.invalidArgument, "\(count) values are no whole number of \(name) blocks of \(blockSize)")
    }
    quantizer(row, count, importance, destination)
  }
}

private let keepFloats: Quantizer = { row, count, _, destination in
  destination.copyMemory(from: row, byteCount: count * MemoryLayout<Float>.stride)
}

private let roundToHalves: Quantizer = { row, count, _, destination in
  let halves = destination.assumingMemoryBound(to: Half.self)
  for index in 0..<count { halves[index] = Half(row[index]) }
}

private let roundToBrainFloats: Quantizer = { row, count, _, destination in
  let values = destination.assumingMemoryBound(to: BrainFloat.self)
  for index in 0..<count { values[index] = BrainFloat(row[index]) }
}

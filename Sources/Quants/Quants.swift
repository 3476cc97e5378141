// Quants: the bytes in which weights are stored. It names every tensor type of the ggml family, owns the block layouts
// and turns blocks back into floats, bit for bit as the format defines them. It knows nothing of files or models.

import KingletErrors

/// Writes `count` dequantised values to `destination`, reading whole blocks from `source`, which need not be aligned.
///
/// `count` must be a multiple of the type's `blockSize`; values of an incomplete last block are not written.
public typealias Dequantizer =
  @Sendable (_ source: UnsafeRawPointer, _ count: Int, _ destination: UnsafeMutablePointer<Float>) -> Void

extension QuantType {
  /// The dequantisation of this type, or nil where Kinglet has none.
  ///
  /// Fetch it once when a tensor is loaded (and refuse the tensor there), then call it without error handling.
  /// Results equal ggml's in every bit: products and sums are rounded separately, never fused.
  public var dequantizer: Dequantizer? {
    switch self {
    case .f32: copyFloats
    case .f16: widenHalves
    case .bf16: widenBrainFloats
    case .q4_0: BlockQ4_0.dequantizer
    case .q4_1: BlockQ4_1.dequantizer
    case .q5_0: BlockQ5_0.dequantizer
    case .q5_1: BlockQ5_1.dequantizer
    case .q8_0: BlockQ8_0.dequantizer
    case .q2_K: BlockQ2_K.dequantizer
    case .q3_K: BlockQ3_K.dequantizer
    case .q4_K: BlockQ4_K.dequantizer
    case .q5_K: BlockQ5_K.dequantizer
    case .q6_K: BlockQ6_K.dequantizer
    case .iq4_NL: BlockIQ4_NL.dequantizer
    case .iq4_XS: BlockIQ4_XS.dequantizer
    case .iq1_S: BlockIQ1_S.dequantizer
    case .iq1_M: BlockIQ1_M.dequantizer
    case .iq2_XXS: BlockIQ2_XXS.dequantizer
    case .iq2_XS: BlockIQ2_XS.dequantizer
    case .iq2_S: BlockIQ2_S.dequantizer
    case .iq3_XXS: BlockIQ3_XXS.dequantizer
    case .iq3_S: BlockIQ3_S.dequantizer
    case .tq1_0: BlockTQ1_0.dequantizer
    case .tq2_0: BlockTQ2_0.dequantizer
    case .mxfp4: BlockMXFP4.dequantizer
    case .nvfp4: BlockNVFP4.dequantizer
    case .q1_0: BlockQ1_0.dequantizer
    case .q2_0: BlockQ2_0.dequantizer
    case .q8_1, .q8_K, .i8, .i16, .i32, .i64, .f64: nil
    }
  }

  /// Whether values of this type can be turned into floats.
  public var isDequantizable: Bool { dequantizer != nil }

  /// Dequantises `count` values of this type from `source` (any alignment) into `destination`.
  ///
  /// - Throws: `.unsupported` when the type has no dequantisation, `.invalidArgument` when `count` is no whole number of
  ///   blocks.
  public func dequantize(
    _ source: UnsafeRawPointer, count: Int, into destination: UnsafeMutablePointer<Float>
  ) throws(KingletError) {
    guard let dequantizer else { throw KingletError(.unsupported, "values of type \(name) cannot be dequantised") }
    guard byteCount(forElements: count) != nil else {
      throw KingletError(.invalidArgument, "\(count) values are no whole number of \(name) blocks of \(blockSize)")
    }
    dequantizer(source, count, destination)
  }
}

extension QuantBlock {
  /// Runs `dequantize` over consecutive blocks.
  fileprivate static var dequantizer: Dequantizer {
    { source, count, destination in
      let size = type.blockSize
      let blocks = source.assumingMemoryBound(to: Self.self)
      for index in 0..<count / size {
        dequantize(blocks + index, into: destination + index * size)
      }
    }
  }
}

private let copyFloats: Dequantizer = { source, count, destination in
  UnsafeMutableRawPointer(destination).copyMemory(from: source, byteCount: count * MemoryLayout<Float>.stride)
}

private let widenHalves: Dequantizer = { source, count, destination in
  let halves = source.assumingMemoryBound(to: Half.self)
  for index in 0..<count { destination[index] = halves[index].float }
}

private let widenBrainFloats: Dequantizer = { source, count, destination in
  let values = source.assumingMemoryBound(to: BrainFloat.self)
  for index in 0..<count { destination[index] = values[index].float }
}

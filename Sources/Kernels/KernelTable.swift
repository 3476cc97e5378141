// Kernels: the arithmetic. The portable reference of every kernel, written to be read, and the table through which a
// kernel of the machine's instruction set takes its place. Rooms above never see an instruction set, only the table.

import KingletQuants

/// One function for each operation that touches elements: all loops over numbers stand behind this table.
///
/// The functions take pointers that their callers (in Tensors) have validated; none allocates, blocks or throws. Each is
/// deterministic, and the result for a token does not depend on the tokens computed with it, so that logits are the same
/// bits for every batch size and thread count. Two tables may differ in the last bits.
public struct KernelTable: Sendable {
  public let instructionSet: InstructionSet

  /// The kernel of a type that is packed as it is; nil for types that are dequantised on the way to a product.
  public let packedKernel: @Sendable (QuantType) -> MatrixKernel?

  /// The kernel of F32 weights, which also multiplies what was dequantised.
  public let floatKernel: MatrixKernel

  /// Rounds one token's activations (`columns` floats, a multiple of 32) to int8, into slot `slot` of a tile of `width`
  /// tokens laid out as `ActivationLayout` says.
  public let quantizeActivations:
    @Sendable (
      _ x: UnsafePointer<Float>, _ columns: Int, _ tile: UnsafeMutableRawPointer, _ width: Int, _ slot: Int
    ) -> Void

  /// Puts the floats of `width` tokens, a tile or a block of keys, side by side: `tile[c * width + t] = x[t * xStride + c]`.
  public let interleave:
    @Sendable (
      _ x: UnsafePointer<Float>, _ xStride: Int, _ columns: Int, _ tile: UnsafeMutablePointer<Float>, _ width: Int
    ) -> Void

  /// RMS norm (Zhang and Sennrich 2019): `out = x / sqrt(mean(x^2) + epsilon) * weight`. In place allowed.
  public let rmsNorm:
    @Sendable (
      _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ epsilon: Float, _ count: Int,
      _ out: UnsafeMutablePointer<Float>
    ) -> Void

  /// Layer norm (Ba et al. 2016): `out = (x - mean) / sqrt(variance + epsilon) * weight (+ bias)`. In place allowed.
  public let layerNorm:
    @Sendable (
      _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, _ epsilon: Float,
      _ count: Int, _ out: UnsafeMutablePointer<Float>
    ) -> Void

  /// Rotary embedding (Su et al. 2021) of `headCount` heads in place. `cosines` and `sines` hold `rotated / 2` values
  /// for this position; dimensions from `rotated` on stay as they are.
  public let rotate:
    @Sendable (
      _ x: UnsafeMutablePointer<Float>, _ headCount: Int, _ headSize: Int, _ rotated: Int,
      _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>, _ pairing: RotaryPairing
    ) -> Void

  /// `out = activation(gate) * up`. In place allowed.
  public let gate:
    @Sendable (
      _ activation: Activation, _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, _ count: Int,
      _ out: UnsafeMutablePointer<Float>
    ) -> Void

  /// Bias, activation and residual of a product; see `ProductEnding`.
  public let endProducts: @Sendable (_ ending: ProductEnding) -> Void

  /// `out = strength * (A x)`; see `LowRankProjection`.
  public let projectLowRank: @Sendable (_ projection: LowRankProjection) -> Void

  /// `out = out * factors + B low`; see `LowRankAddition`.
  public let addLowRank: @Sendable (_ addition: LowRankAddition) -> Void

  /// `x += y * scale`.
  public let addScaled:
    @Sendable (_ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ scale: Float, _ count: Int) -> Void

  /// Index of the largest value, the lowest such index in a tie; NaN never wins. 0 where there is no number.
  public let indexOfMaximum: @Sendable (_ x: UnsafePointer<Float>, _ count: Int) -> Int

  /// Keys and values of one position of one head into its page; see `KVPageLayout`.
  public let appendKeyValue: @Sendable (_ position: KVAppend) -> Void

  /// Attention of some queries over one page; see `PageAttention`.
  public let attendPage: @Sendable (_ task: PageAttention) -> Void

  /// Merges the result of a page into a running one: both `[output x valueStride][maximum, sum]`.
  public let mergePages:
    @Sendable (_ running: UnsafeMutablePointer<Float>, _ page: UnsafePointer<Float>, _ valueStride: Int) -> Void

  /// Ends an attention: `out = output / sum` of `headSize` elements.
  public let finishAttention:
    @Sendable (
      _ running: UnsafePointer<Float>, _ valueStride: Int, _ headSize: Int, _ out: UnsafeMutablePointer<Float>
    ) -> Void

  /// What a core can do at most, to compare the others with.
  public let probes: ProbeKernels

  public init(
    instructionSet: InstructionSet,
    packedKernel: @escaping @Sendable (QuantType) -> MatrixKernel?,
    floatKernel: MatrixKernel,
    quantizeActivations:
      @escaping @Sendable (UnsafePointer<Float>, Int, UnsafeMutableRawPointer, Int, Int) -> Void,
    interleave:
      @escaping @Sendable (UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>, Int) -> Void,
    rmsNorm:
      @escaping @Sendable (
        UnsafePointer<Float>, UnsafePointer<Float>, Float, Int, UnsafeMutablePointer<Float>
      ) -> Void,
    layerNorm:
      @escaping @Sendable (
        UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>?, Float, Int, UnsafeMutablePointer<Float>
      ) -> Void,
    rotate:
      @escaping @Sendable (
        UnsafeMutablePointer<Float>, Int, Int, Int, UnsafePointer<Float>, UnsafePointer<Float>, RotaryPairing
      ) -> Void,
    gate:
      @escaping @Sendable (
        Activation, UnsafePointer<Float>, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>
      ) -> Void,
    endProducts: @escaping @Sendable (ProductEnding) -> Void,
    projectLowRank: @escaping @Sendable (LowRankProjection) -> Void,
    addLowRank: @escaping @Sendable (LowRankAddition) -> Void,
    addScaled: @escaping @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Float, Int) -> Void,
    indexOfMaximum: @escaping @Sendable (UnsafePointer<Float>, Int) -> Int,
    appendKeyValue: @escaping @Sendable (KVAppend) -> Void,
    attendPage: @escaping @Sendable (PageAttention) -> Void,
    mergePages: @escaping @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int) -> Void,
    finishAttention: @escaping @Sendable (UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>) -> Void,
    probes: ProbeKernels = .portable
  ) {
    self.instructionSet = instructionSet
    self.packedKernel = packedKernel
    self.floatKernel = floatKernel
    self.quantizeActivations = quantizeActivations
    self.interleave = interleave
    self.rmsNorm = rmsNorm
    self.layerNorm = layerNorm
    self.rotate = rotate
    self.gate = gate
    self.endProducts = endProducts
    self.projectLowRank = projectLowRank
    self.addLowRank = addLowRank
    self.addScaled = addScaled
    self.indexOfMaximum = indexOfMaximum
    self.appendKeyValue = appendKeyValue
    self.attendPage = attendPage
    self.mergePages = mergePages
    self.finishAttention = finishAttention
    self.probes = probes
  }
}

/// Which dimensions of a head a rotation turns together.
public enum RotaryPairing: Sendable {
  /// (0, 1), (2, 3), … as the GGUF files of llama have them.
  case adjacent
  /// (0, n/2), (1, n/2 + 1), … as in GPT-NeoX.
  case halves
}

/// The non-linearity of a feed-forward layer.
public enum Activation: Sendable {
  /// x * sigmoid(x).
  case silu
  /// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), the tanh form of Hendrycks and Gimpel 2016.
  case geluTanh
  /// x Phi(x) with the distribution function of the normal distribution, exactly (Hendrycks and Gimpel 2016).
  case gelu
  /// The hyperbolic tangent, of classification heads.
  case tanh
}

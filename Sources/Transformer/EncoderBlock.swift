import KingletErrors
import KingletTensors

/// One layer of an encoder. With norms before or around blocks, n = norm(x):
///
///     x = x + [norm](Wo attention(n) + b)
///     x = x + [norm](Wd activation(Wu n + b) + b)      or, gated, Wd (activation(Wg n) * Wu n)
///
/// With norms after residuals, `x = norm(x + …)` in both lines, and n = x.
///
/// A class for the same reason as `DecoderBlock`.
final class EncoderBlock: Sendable {
  let weights: Weights
  let shape: AttentionShape
  let layer: EncoderDescription.Layer
  private let activation: Activation
  private let normPlacement: EncoderDescription.NormPlacement

  /// What is not a matrix.
  struct Parameters: Sendable {
    let beforeAttention: Norm?
    let queryBias: FloatVector?
    let keyBias: FloatVector?
    let valueBias: FloatVector?
    let queryNorm: Norm?
    let keyNorm: Norm?
    let outputBias: FloatVector?
    let afterAttention: Norm?
    let beforeFeedForward: Norm?
    let upBias: FloatVector?
    let downBias: FloatVector?
    let afterFeedForward: Norm?
  }

  struct Weights: Sendable {
    let parameters: Parameters
    let query: PackedMatrix
    let key: PackedMatrix
    let value: PackedMatrix
    let output: PackedMatrix
    /// Nil where the feed-forward layer has no gate.
    let gate: PackedMatrix?
    let up: PackedMatrix
    let down: PackedMatrix
  }

  init(_ weights: Weights, _ layer: EncoderDescription.Layer, _ description: EncoderDescription) {
    self.weights = weights
    self.layer = layer
    activation = description.activation
    normPlacement = description.normPlacement
    shape = AttentionShape(
      headCount: description.headCount, keyHeadCount: description.keyHeadCount, headSize: description.headSize,
      pairing: description.rotaryPairing, scale: description.attentionScale,
      queryNorm: weights.parameters.queryNorm, keyNorm: weights.parameters.keyNorm)
  }

  /// Applies the layer to the rows of `s.x`, which are the tokens of `sequences`, one after another.
  ///
  /// - Parameter adapted: The rows whose products are changed by adapters.
  func forward(
    _ s: EncoderState, sequences: [Range<Int>], index: Int, adapted: [AdaptedRows]
  ) throws(KingletError) {
    let (w, p) = (weights, weights.parameters)
    let n = try s.compute.prepare(
      s.x, norm: p.beforeAttention, for: [w.query, w.key, w.value],
      updates: adapted.updates { $0.layers[index].attention })
    try s.compute.project(
      n,
      [
        Projection(w.query, bias: p.queryBias, to: s.q), Projection(w.key, bias: p.keyBias, to: s.k),
        Projection(w.value, bias: p.valueBias, to: s.v),
      ])
    try s.compute.attend(
      within: sequences, q: s.q, k: s.k, v: s.v, shape: shape,
      rotary: s.rotaries.isEmpty ? nil : s.rotaries[layer.rotation], span: layer.span, slopes: s.slopes, to: s.a)
    let o = try s.compute.prepare(s.a, for: [w.output], updates: adapted.updates { $0.layers[index].output })
    try addToResidual(o, w.output, bias: p.outputBias, norm: p.afterAttention, s)

    let m = try s.compute.prepare(
      s.x, norm: p.beforeFeedForward, for: (w.gate.map { [$0] } ?? []) + [w.up],
      updates: adapted.updates { $0.layers[index].feedForward })
    let updates = adapted.updates { $0.layers[index].down }
    let f: Activations
    if let gate = w.gate {
      f = try s.compute.prepareGated(
        m, gate: gate, up: w.up, activation: activation, for: w.down, updates: updates, through: s.f)
    } else {
      try s.compute.project(m, [Projection(w.up, bias: p.upBias, activation: activation, to: s.f)])
      f = try s.compute.prepare(s.f, for: [w.down], updates: updates)
    }
    try addToResidual(f, w.down, bias: p.downBias, norm: p.afterFeedForward, s)
  }

  private func addToResidual(
    _ y: Activations, _ matrix: PackedMatrix, bias: FloatVector?, norm: Norm?, _ s: EncoderState
  ) throws(KingletError) {
    if let norm, normPlacement == .aroundBlock {
      try s.compute.project(y, [Projection(matrix, bias: bias, to: s.y)])
      s.compute.addNormalized(s.y, norm, to: s.x)
    } else {
      try s.compute.project(y, [Projection(matrix, bias: bias, addingTo: s.x)])
      if let norm { try s.compute.normalize(s.x, norm) }
    }
  }
}

/// The activations of a forward pass, kept from one to the next. Rows are tokens.
final class EncoderState {
  let compute: Compute
  /// Residual stream `[tokens, hidden]`.
  let x: FloatMatrix
  /// Queries `[tokens, heads * headSize]`, keys and values `[tokens, keyHeads * headSize]`.
  let q: FloatMatrix
  let k: FloatMatrix
  let v: FloatMatrix
  /// Attention output `[tokens, heads * headSize]`.
  let a: FloatMatrix
  /// Feed-forward `[tokens, feedForward]`.
  let f: FloatMatrix
  /// A block's output before its norm `[tokens, hidden]`.
  let y: FloatMatrix
  /// One row for each sequence `[sequences, hidden]`.
  let pooled: FloatMatrix
  let rotaries: [RotaryTable]
  /// Of linear biases, one for each head.
  let slopes: FloatVector?

  init(_ d: EncoderDescription, frequencyFactors: [Float], compute: Compute) {
    self.compute = compute
    x = FloatMatrix(columns: d.hiddenSize)
    q = FloatMatrix(columns: d.headCount * d.headSize)
    k = FloatMatrix(columns: d.keyHeadCount * d.headSize)
    v = FloatMatrix(columns: d.keyHeadCount * d.headSize)
    a = FloatMatrix(columns: d.headCount * d.headSize)
    f = FloatMatrix(columns: d.feedForwardSize)
    y = FloatMatrix(columns: d.hiddenSize)
    pooled = FloatMatrix(columns: d.hiddenSize)
    rotaries = d.rotations.map { RotaryTable($0, frequencyFactors: frequencyFactors) }
    slopes = d.positions == .linearBias ? .linearBiasSlopes(headCount: d.headCount) : nil
  }
}

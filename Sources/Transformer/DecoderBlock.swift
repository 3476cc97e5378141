import KingletErrors
import KingletTensors

/// One layer of a decoder:
///
///     a = attention(norm(x))          x = x + [norm](Wo a)
///     f = activation(Wg n) * Wu n     x = x + [norm](Wd f)      n = norm(x)
///
/// Five phases of parallel work, whatever the architecture: projections, attention, output, gate and up, down.
///
/// A class, so that passing one on counts one reference and not one for each of its matrices.
final class DecoderBlock: Sendable {
  let weights: Weights
  let shape: AttentionShape
  let activation: Activation

  /// What is not a matrix.
  struct Parameters: Sendable {
    let attentionNorm: Norm
    let queryBias: FloatVector?
    let keyBias: FloatVector?
    let valueBias: FloatVector?
    let queryNorm: Norm?
    let keyNorm: Norm?
    let postAttentionNorm: Norm?
    let feedForwardNorm: Norm
    let postFeedForwardNorm: Norm?
  }

  struct Weights: Sendable {
    let parameters: Parameters
    let query: PackedMatrix
    let key: PackedMatrix
    let value: PackedMatrix
    let output: PackedMatrix
    let gate: PackedMatrix
    let up: PackedMatrix
    let down: PackedMatrix
  }

  init(_ weights: Weights, _ description: DecoderDescription) {
    self.weights = weights
    activation = description.activation
    shape = AttentionShape(
      headCount: description.headCount, keyHeadCount: description.keyHeadCount, headSize: description.headSize,
      pairing: description.rotaryPairing, scale: description.attentionScale,
      queryNorm: weights.parameters.queryNorm, keyNorm: weights.parameters.keyNorm)
  }

  /// Applies the layer to the rows of `s.x`, which are those of `sequences`, one after another.
  ///
  /// - Parameter updates: of adapters, for some rows. The products of all other rows are the same bits as without.
  func forward(
    _ s: DecoderState, sequences: [SequenceRows], rotary: RotaryTable, updates: LayerUpdates = LayerUpdates()
  ) throws(KingletError) {
    let (w, p) = (weights, weights.parameters)
    let n = try s.compute.prepare(
      s.x, norm: p.attentionNorm, for: [w.query, w.key, w.value],
      updates: updates.attention)
    try s.compute.project(
      n,
      [
        Projection(w.query, bias: p.queryBias, to: s.q), Projection(w.key, bias: p.keyBias, to: s.k),
        Projection(w.value, bias: p.valueBias, to: s.v),
      ])
    try s.compute.attend(q: s.q, k: s.k, v: s.v, shape: shape, rotary: rotary, sequences: sequences, to: s.a)
    let o = try s.compute.prepare(s.a, for: [w.output], updates: updates.output)
    try addToResidual(o, w.output, norm: p.postAttentionNorm, s)

    let m = try s.compute.prepare(
      s.x, norm: p.feedForwardNorm, for: [w.gate, w.up], updates: updates.feedForward)
    let f = try s.compute.prepareGated(
      m, gate: w.gate, up: w.up, activation: activation, for: w.down, updates: updates.down, through: s.f)
    try addToResidual(f, w.down, norm: p.postFeedForwardNorm, s)
  }

  /// `x += W y`, or `x += norm(W y)`.
  private func addToResidual(
    _ y: Activations, _ matrix: PackedMatrix, norm: Norm?, _ s: DecoderState
  ) throws(KingletError) {
    if let norm {
      try s.compute.project(y, [Projection(matrix, to: s.y)])
      s.compute.addNormalized(s.y, norm, to: s.x)
    } else {
      try s.compute.project(y, [Projection(matrix, addingTo: s.x)])
    }
  }
}

/// The activations of a forward pass, kept from one to the next. Rows are tokens.
final class DecoderState {
  let compute: Compute
  /// Residual stream `[tokens, hidden]`.
  let x: FloatMatrix
  /// Queries `[tokens, heads * headSize]`.
  let q: FloatMatrix
  /// Keys and values `[tokens, keyHeads * headSize]`.
  let k: FloatMatrix
  let v: FloatMatrix
  /// Attention output `[tokens, heads * headSize]`.
  let a: FloatMatrix
  /// Feed-forward `[tokens, feedForward]`, where it is not rounded at once.
  let f: FloatMatrix
  /// A block's output before its norm `[tokens, hidden]`.
  let y: FloatMatrix
  /// Rows that logits are wanted for `[rows, hidden]`, and those logits `[rows, vocabulary]`.
  let chosen: FloatMatrix
  let logits: FloatMatrix
  let rotaries: [RotaryTable]
  /// Of the adapters of the last pass.
  var updates = KeptUpdates()

  init(_ d: DecoderDescription, frequencyFactors: [Float], compute: Compute) {
    self.compute = compute
    x = FloatMatrix(columns: d.hiddenSize)
    q = FloatMatrix(columns: d.headCount * d.headSize)
    k = FloatMatrix(columns: d.keyHeadCount * d.headSize)
    v = FloatMatrix(columns: d.keyHeadCount * d.headSize)
    a = FloatMatrix(columns: d.headCount * d.headSize)
    f = FloatMatrix(columns: d.feedForwardSize)
    y = FloatMatrix(columns: d.hiddenSize)
    chosen = FloatMatrix(columns: d.hiddenSize)
    logits = FloatMatrix(columns: d.vocabularySize)
    rotaries = d.rotations.map { RotaryTable($0, frequencyFactors: frequencyFactors) }
  }
}

import KingletErrors
import KingletTensors

extension ModelMetadata {
  /// The description all encoders start from: sizes under the common keys, everything seen, no biases.
  func encoder(
    norm: Norm.Kind, placement: EncoderDescription.NormPlacement, activation: Activation, isGated: Bool
  ) throws(KingletError) -> EncoderDescription {
    let hiddenSize = try integer("embedding_length", in: 1...1 << 16)
    let headCount = try integer("attention.head_count", in: 1...1024)
    guard hiddenSize % headCount == 0 else {
      throw KingletError(
        .fileCorrupt, "a width of \(hiddenSize) is not made of \(headCount) heads",
        at: "\(architecture).attention.head_count")
    }
    if try bool("attention.causal") == true {
      throw KingletError(.unsupported, "an encoder that sees only the past", at: "\(architecture).attention.causal")
    }
    let headSize = hiddenSize / headCount
    let layerCount = try integer("block_count", in: 1...512)
    return EncoderDescription(
      architecture: architecture,
      vocabularySize: vocabularySize,
      trainedContextLength: try integer("context_length", in: 1...1 << 24),
      hiddenSize: hiddenSize,
      feedForwardSize: try integer("feed_forward_length", in: 1...1 << 18),
      headCount: headCount,
      keyHeadCount: headCount,
      headSize: headSize,
      normKind: norm,
      normEpsilon: try positive("attention.layer_norm_epsilon"),
      normBias: .absent,
      normPlacement: placement,
      activation: activation,
      isGated: isGated,
      positions: .learned,
      layers: Array(repeating: .init(span: .everything, rotation: 0), count: layerCount),
      attentionScale: 1 / Float(headSize).squareRoot(),
      attentionBias: .absent,
      outputBias: .absent,
      pooling: try pooling() ?? .mean)
  }

  /// A rotation of whole heads whose base is under a key of its own.
  func rotation(
    headSize: Int, base key: String, or fallback: Float = 10000
  ) throws(KingletError) -> DecoderDescription.Rotation {
    guard headSize % 2 == 0 else {
      throw KingletError(
        .fileCorrupt, "heads of \(headSize) dimensions cannot be rotated in pairs",
        at: "\(architecture).attention.head_count")
    }
    return .init(
      base: Double(try positive(key, or: fallback)), dimensions: headSize, factor: try linearScalingFactor())
  }

  /// How the file says that the vectors of a text become one; nil where it does not.
  func pooling() throws(KingletError) -> Pooling? {
    let key = "pooling_type"
    guard let value = try optionalInteger(key) else { return nil }
    let kinds: [Pooling] = [.none, .mean, .cls, .last, .rank]
    guard kinds.indices.contains(value) else {
      throw KingletError(.unsupported, "the pooling \(value) is not supported", at: "\(architecture).\(key)")
    }
    return kinds[value]
  }
}

extension EncoderDescription {
  /// A decoder whose hidden states are wanted: its tokens see the past.
  init(_ d: DecoderDescription, pooling: Pooling) {
    self.init(
      architecture: d.architecture,
      vocabularySize: d.vocabularySize,
      trainedContextLength: d.trainedContextLength,
      hiddenSize: d.hiddenSize,
      feedForwardSize: d.feedForwardSize,
      headCount: d.headCount,
      keyHeadCount: d.keyHeadCount,
      headSize: d.headSize,
      normKind: .rms,
      normEpsilon: d.normEpsilon,
      normBias: .absent,
      normPlacement: d.postNorms == .absent ? .beforeBlock : .aroundBlock,
      activation: d.activation,
      isGated: true,
      positions: .rotary,
      rotations: d.rotations,
      rotaryPairing: d.rotaryPairing,
      layers: d.layers.map { .init(span: .past(window: $0.window), rotation: $0.rotation) },
      attentionScale: d.attentionScale,
      embeddingScale: d.embeddingScale,
      attentionBias: d.attentionBias,
      outputBias: .absent,
      queryKeyNorm: d.queryKeyNorm,
      pooling: pooling)
  }
}

// Transformer: from tokens to logits. An architecture is a description (`Architectures/`, one small file of facts each);
// one decoder reads any of them. This room knows no text and no sampling.

import KingletTensors

/// What distinguishes one decoder-only transformer from another.
///
/// The switches are those that published small models need. A description holds facts only: sizes from the file's
/// metadata and choices of the architecture; the arithmetic is in `DecoderBlock`.
public struct DecoderDescription: Sendable {
  /// The name in `general.architecture`.
  public var architecture: String
  public var vocabularySize: Int
  /// The length the model was trained for, in tokens.
  public var trainedContextLength: Int
  /// Width of the residual stream.
  public var hiddenSize: Int
  public var feedForwardSize: Int
  /// Query heads.
  public var headCount: Int
  /// Key and value heads, shared by groups of query heads (Ainslie et al. 2023).
  public var keyHeadCount: Int
  public var headSize: Int
  public var normEpsilon: Float
  public var activation: Activation
  public var rotaryPairing: RotaryPairing
  /// Rotations in use: layers refer to them by index.
  public var rotations: [Rotation]
  public var layers: [Layer]
  /// What scores are multiplied by.
  public var attentionScale: Float
  /// What embeddings are multiplied by.
  public var embeddingScale: Float = 1
  /// Biases on queries, keys and values.
  public var attentionBias: Presence = .absent
  /// RMS norms over each head of queries and keys before rotation.
  public var queryKeyNorm: Presence = .absent
  /// Norms after attention and feed-forward, before the residual addition.
  public var postNorms: Presence = .absent

  /// One rotary embedding.
  public struct Rotation: Sendable, Equatable {
    public var base: Double
    /// Dimensions of a head that are rotated.
    public var dimensions: Int
    /// Linear scaling: positions are divided by this factor.
    public var factor: Float = 1
    /// Whether frequencies are divided by the factors in `rope_freqs.weight` where the file has it (llama 3).
    public var usesFrequencyFactors = false
  }

  public struct Layer: Sendable, Equatable {
    /// Positions a token sees, itself included; nil for all.
    public var window: Int?
    /// Index in `rotations`.
    public var rotation: Int
  }
}

extension RotaryTable {
  /// - Parameter frequencyFactors: divisors for the rotations that use them.
  convenience init(_ rotation: DecoderDescription.Rotation, frequencyFactors: [Float]) {
    self.init(
      rotated: rotation.dimensions, base: rotation.base, scale: 1 / rotation.factor,
      divisors: rotation.usesFrequencyFactors ? frequencyFactors : [])
  }
}

import KingletTensors

/// What distinguishes one text encoder from another: facts only, as in `DecoderDescription`.
///
/// An encoder turns whole sequences into a vector for each token. Most see both ways; a decoder that is used for its
/// hidden states is described as one that sees the past.
public struct EncoderDescription: Sendable {
  /// The name in `general.architecture`.
  public var architecture: String
  public var vocabularySize: Int
  /// The longest sequence, in tokens.
  public var trainedContextLength: Int
  /// Width of the residual stream, and of what comes out.
  public var hiddenSize: Int
  public var feedForwardSize: Int
  /// Query heads.
  public var headCount: Int
  /// Key and value heads, shared by groups of query heads.
  public var keyHeadCount: Int
  public var headSize: Int
  public var normKind: Norm.Kind
  public var normEpsilon: Float
  public var normBias: Presence
  public var normPlacement: NormPlacement
  /// Whether the first layer's attention has a norm before it: not where the embedding's norm stands there already.
  public var normalizesFirstAttention = true
  /// A norm on the sum of the embeddings.
  public var embeddingNorm: Presence = .absent
  public var activation: Activation
  /// Whether the feed-forward layer multiplies by a gate (Shazeer 2020).
  public var isGated: Bool
  public var positions: Positions
  /// Rotations in use: layers refer to them by index.
  public var rotations: [DecoderDescription.Rotation] = []
  public var rotaryPairing: RotaryPairing = .halves
  public var layers: [Layer]
  /// What scores are multiplied by.
  public var attentionScale: Float
  /// What embeddings are multiplied by.
  public var embeddingScale: Float = 1
  /// A table of vectors for kinds of texts, added to the embeddings: the first, or the second of a pair.
  public var tokenTypes: Presence = .absent
  /// Biases on queries, keys and values.
  public var attentionBias: Presence
  /// Biases on the other projections of a layer that is not gated, and on outputs.
  public var outputBias: Presence
  /// RMS norms over each head of queries and keys before rotation.
  public var queryKeyNorm: Presence = .absent
  /// How the vectors of a text become one, unless the caller says otherwise.
  public var pooling: Pooling

  /// Where norms stand in a layer.
  public enum NormPlacement: Sendable {
    /// `x = norm(x + f(x))`, as in BERT.
    case afterResidual
    /// `x = x + f(norm(x))`.
    case beforeBlock
    /// `x = x + norm(f(norm(x)))`.
    case aroundBlock
  }

  /// How a token's place enters the computation.
  public enum Positions: Sendable, Equatable {
    /// A table of vectors that are added to the embeddings.
    case learned
    /// Rotations of queries and keys.
    case rotary
    /// Biases on scores that grow with distance, each head's slope from a geometric series (Press et al. 2022).
    case linearBias
  }

  public struct Layer: Sendable, Equatable {
    public var span: AttentionSpan
    /// Index in `rotations`, where positions are rotated.
    public var rotation: Int
  }
}

/// How the vectors of a text's tokens become the vector of the text.
public enum Pooling: String, Sendable, CaseIterable {
  /// They do not: every token keeps its own.
  case none
  /// Their mean.
  case mean
  /// The first.
  case cls
  /// The last.
  case last
  /// The first, through the model's classification head: scores of a cross-encoder.
  case rank
}

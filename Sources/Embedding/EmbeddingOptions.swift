import KingletTransformer

/// How texts become vectors.
public struct EmbeddingOptions: Sendable, Equatable {
  /// What becomes of a text that is longer than the model's window.
  public enum Overflow: String, Sendable, CaseIterable {
    /// The whole call fails, naming the text and both lengths.
    case error
    /// Its end is cut off, and `Embedding/droppedTokenCount` says how much.
    case truncate
    /// It is cut into pieces as long as the window, and the mean of their vectors, by their lengths, is taken.
    case split
  }

  /// Nil takes what the model's file says.
  public var pooling: Pooling?
  /// Whether vectors are scaled to unit length, so that their dot product is the cosine; nil takes what the model says.
  public var normalizes: Bool?
  /// Keeps only so many of the first dimensions, for models trained so that these carry most (Kusupati et al. 2022).
  public var dimensions: Int?
  public var overflow: Overflow
  /// The longest text in tokens, those the model adds included; nil for what the model was made for.
  public var window: Int?

  public init(
    pooling: Pooling? = nil, normalizes: Bool? = nil, dimensions: Int? = nil, overflow: Overflow = .error,
    window: Int? = nil
  ) {
    self.pooling = pooling
    self.normalizes = normalizes
    self.dimensions = dimensions
    self.overflow = overflow
    self.window = window
  }
}

// Embedding: from the tokens of texts to one vector each. It cuts texts to the model's window as the caller wishes, packs
// them into passes of a good size, pools, shortens and normalises. Where texts come from and where vectors go it does not
// know.

@_exported import KingletErrors
import KingletTransformer

/// How the vectors of a text's tokens become the vector of the text.
public typealias Pooling = KingletTransformer.Pooling

/// The vector of a text, and what became of the text on the way.
public struct Embedding: Sendable, Equatable {
  /// As many numbers as the model has dimensions, or as were asked for; with pooling `.none` those of every token, one
  /// token after another.
  public let vector: [Float]
  /// Tokens that the model saw, those it adds itself included.
  public let tokenCount: Int
  /// Tokens of the text that were cut off: only where truncation was asked for.
  public let droppedTokenCount: Int
  /// Pieces whose vectors were averaged: more than 1 only where splitting was asked for.
  public let windowCount: Int
}

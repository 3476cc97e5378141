import KingletEmbedding
import KingletGGUF
import KingletTransformer

/// What a loaded embedding model is, and what it takes.
public struct EmbeddingModelDescription: Sendable, Equatable {
  /// The file it came from.
  public let path: String
  /// The name that the file gives itself.
  public let name: String?
  /// Such as `bert`.
  public let architecture: String
  /// Size of the file in bytes.
  public let byteCount: Int
  /// Numbers in all tensors.
  public let parameterCount: Int
  /// Numbers in a vector.
  public let dimensions: Int
  /// The longest text in tokens, those the model adds included.
  public let window: Int
  /// How the vectors of tokens become one, unless options say otherwise.
  public let pooling: Pooling
}

extension EmbeddingModelDescription {
  init(_ file: GGUFFile, _ embedder: Embedder) throws(KingletError) {
    path = file.path
    name = try file.metadata.string("general.name")
    architecture = embedder.encoder.description.architecture
    byteCount = file.byteCount
    parameterCount = file.tensors.reduce(0) { $0 + $1.elementCount }
    dimensions = embedder.encoder.dimensions
    window = embedder.window
    pooling = embedder.encoder.description.pooling
  }
}

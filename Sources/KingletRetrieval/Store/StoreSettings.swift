import Kinglet
import KingletDocuments
import KingletErrors

/// What the vectors and chunks of a store depend on. Vectors of different models cannot be compared, so a store is only
/// opened with the settings it was made with.
public struct StoreSettings: Sendable, Equatable, Codable {
  /// Of the embedding model: what `EmbeddingModel/fingerprint` says.
  public var model: String
  /// The model as the user named it, for `kinglet rag` to load it again.
  public var modelName: String
  /// Numbers in a vector.
  public var dimensions: Int
  /// The most tokens of a chunk, and those it repeats of the one before.
  public var chunkSize: Int
  public var overlap: Int
  /// The words that the model wants before a query and before a passage.
  public var queryPrefix: String
  public var passagePrefix: String
  /// Whether chunks are embedded with the title and headings of their document before them, and summaries are made.
  public var hasContext: Bool
  /// Versions of loaders and chunker.
  public var loaderVersion: Int
  public var chunkerVersion: Int

  public init(
    model: String, modelName: String, dimensions: Int, chunkSize: Int, overlap: Int, queryPrefix: String = "",
    passagePrefix: String = "", hasContext: Bool = true, loaderVersion: Int = Loader.version,
    chunkerVersion: Int = Chunker.version
  ) {
    self.model = model
    self.modelName = modelName
    self.dimensions = dimensions
    self.chunkSize = chunkSize
    self.overlap = overlap
    self.queryPrefix = queryPrefix
    self.passagePrefix = passagePrefix
    self.hasContext = hasContext
    self.loaderVersion = loaderVersion
    self.chunkerVersion = chunkerVersion
  }

  /// Refuses a store that was made in another way.
  func check(against wanted: StoreSettings, at path: String) throws(KingletError) {
    func refuse(_ what: String, _ own: String, _ other: String, _ remedy: String) -> KingletError {
      KingletError(.unsupported, "the store was made with \(what) \(own), not \(other)", at: path, remedy: remedy)
    }
    let again = "make a new store and add the documents to it"
    guard model == wanted.model, dimensions == wanted.dimensions else {
      throw refuse("the embedding model", model, wanted.model, "Use that model, or \(again).")
    }
    guard chunkSize == wanted.chunkSize, overlap == wanted.overlap else {
      throw refuse(
        "chunks of", "\(chunkSize) tokens (overlap \(overlap))", "\(wanted.chunkSize) (\(wanted.overlap))",
        "Leave these options out, or \(again).")
    }
    guard queryPrefix == wanted.queryPrefix, passagePrefix == wanted.passagePrefix, hasContext == wanted.hasContext
    else { throw refuse("other words before", "its texts", "these", "Leave these options out, or \(again).") }
    guard loaderVersion == wanted.loaderVersion, chunkerVersion == wanted.chunkerVersion else {
      throw refuse(
        "version", "\(loaderVersion).\(chunkerVersion) of the chunker",
        "\(wanted.loaderVersion).\(wanted.chunkerVersion)",
        "Use that version of Kinglet, or \(again).")
    }
  }
}

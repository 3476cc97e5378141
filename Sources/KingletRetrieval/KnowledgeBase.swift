import Foundation
import Kinglet
import KingletDocuments
import KingletErrors
import KingletGeneration

/// The user's documents, to be searched and asked.
///
/// ```swift
/// let embedder = try await EmbeddingModel.load("minilm")
/// let library = try await KnowledgeBase.open("library.sqlite", embedder: embedder)
/// try await library.add(contentsOf: "docs/")
/// let answer = try await library.answer("How do I renew?", with: model)
/// print(answer.text, answer.citations)
/// ```
///
/// `Sendable` and to be shared. Any number of processes may search one store while one writes to it.
public final class KnowledgeBase: Sendable {
  public let store: any VectorStore
  public let embedder: EmbeddingModel
  /// What the store was made with.
  public let settings: StoreSettings
  let chats = ChatPool()

  init(store: any VectorStore, embedder: EmbeddingModel, settings: StoreSettings) {
    self.store = store
    self.embedder = embedder
    self.settings = settings
  }

  /// How a new store is made. Nil takes what an existing store has, or the default; what is given must be what an existing
  /// store was made with.
  public struct Options: Sendable, Equatable {
    /// The most tokens of a chunk; by default 200, or what fits the model's window.
    public var chunkSize: Int?
    /// The most tokens that a chunk repeats of the one before; by default 32.
    public var overlap: Int?
    /// What the embedding model wants before queries and passages.
    public var queryTask: EmbeddingTask?
    public var passageTask: EmbeddingTask?
    /// Whether title, headings and a summary are put before a chunk when it is embedded; by default yes.
    public var hasContext: Bool?
    /// How the store is to name the model.
    public var modelName: String?

    public init(
      chunkSize: Int? = nil, overlap: Int? = nil, queryTask: EmbeddingTask? = nil, passageTask: EmbeddingTask? = nil,
      hasContext: Bool? = nil, modelName: String? = nil
    ) {
      self.chunkSize = chunkSize
      self.overlap = overlap
      self.queryTask = queryTask
      self.passageTask = passageTask
      self.hasContext = hasContext
      self.modelName = modelName
    }
  }

  /// Opens the store at `path`, or makes one.
  ///
  /// - Throws: `.unsupported` for a store that was made with another model or other options, saying with which;
  ///   `.fileCorrupt` for a file that is no store; `.invalidArgument` for chunks that the model has no room for.
  public static func open(
    _ path: String, embedder: EmbeddingModel, options: Options = .init(), create: Bool = true
  ) async throws(KingletError) -> KnowledgeBase {
    try await DedicatedThread.run { _ throws(KingletError) in
      try KnowledgeBase(store: SQLiteStore(path: path, create: create), embedder: embedder, options: options)
    }.get()
  }

  /// On a store of another kind.
  public convenience init(
    store: any VectorStore, embedder: EmbeddingModel, options: Options = .init()
  ) throws(KingletError) {
    let known = try store.settings()
    let room = embedder.description.window - embedder.embedder.frame.count
    // Some room for the title and the headings.
    let size = options.chunkSize ?? known?.chunkSize ?? min(200, max(1, room * 4 / 5))
    guard (8...max(8, room)).contains(size) else {
      throw KingletError(
        .invalidArgument, "chunks of \(size) tokens are not possible", remedy: "The model has room for 8 to \(room).")
    }
    let wanted = StoreSettings(
      model: try embedder.fingerprint(), modelName: known?.modelName ?? options.modelName ?? embedder.description.path,
      dimensions: embedder.description.dimensions, chunkSize: size,
      overlap: options.overlap ?? known?.overlap ?? min(32, size / 4),
      queryPrefix: options.queryTask?.prefix ?? known?.queryPrefix ?? "",
      passagePrefix: options.passageTask?.prefix ?? known?.passagePrefix ?? "",
      hasContext: options.hasContext ?? known?.hasContext ?? true)
    if let known { try known.check(against: wanted, at: store.location) } else { try store.setSettings(wanted) }
    self.init(store: store, embedder: embedder, settings: known ?? wanted)
  }

  /// What a store was made with, so that the right model can be loaded; nil when there is none at `path`, or it is new.
  public static func settings(of path: String) throws(KingletError) -> StoreSettings? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try SQLiteStore(path: path, create: false).settings()
  }

  /// Runs work that blocks on a thread of its own.
  func run<R: Sendable>(
    _ body: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws(KingletError) -> R
  ) async throws(KingletError) -> R {
    try await DedicatedThread.run(body).get()
  }
}

extension EmbeddingModel {
  /// Tells models apart whose vectors cannot be compared: by what they are, and by samples from all over the file.
  ///
  /// - Throws: what reading the file throws.
  func fingerprint() throws(KingletError) -> String {
    let read = { () throws -> [UInt8] in
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: self.description.path))
      defer { try? handle.close() }
      var bytes: [UInt8] = []
      for piece in 0..<16 {
        try handle.seek(toOffset: UInt64(self.description.byteCount / 16 * piece))
        bytes += try handle.read(upToCount: 1 << 14) ?? Data()
      }
      return bytes
    }
    let sample: [UInt8]
    do { sample = try read() } catch {
      throw KingletError(.fileUnreadable, "the model cannot be read again: \(error)", at: description.path)
    }
    let digest = "\(ContentHash(sample))".prefix(16)
    return "\(description.name ?? description.architecture) \(description.dimensions)d \(description.pooling) "
      + "\(description.byteCount) \(digest)"
  }
}

/// What became of files when they were added or looked at again.
public struct IndexReport: Sendable, Equatable, Codable {
  /// A file, and what there is to say of it.
  public struct Item: Sendable, Equatable, Codable {
    public var path: String
    public var note: String
  }

  public var added: [String] = []
  public var changed: [String] = []
  /// From where to where.
  public var moved: [Item] = []
  public var removed: [String] = []
  public var unchanged = 0
  /// Files that hold no text, or need an option.
  public var skipped: [Item] = []
  /// Files that could not be read; what the store had of them before is still there.
  public var failed: [Item] = []
  /// Repaired bytes, records that were left out.
  public var notes: [Item] = []
  public var chunks = 0
  /// Chunks whose vectors had to be computed.
  public var embedded = 0
  /// Chunks whose vectors were known.
  public var reused = 0
  /// Chunks longer than the model's window: their ends count for keywords only.
  public var truncated = 0
  public var seconds = 0.0
  /// Of those, in the model.
  public var embeddingSeconds = 0.0
  /// Whether the work was stopped before its end; doing it again goes on from there.
  public var isInterrupted = false

  public init() {}
}

/// How far the work is.
public struct IndexProgress: Sendable, Equatable {
  public var files: Int
  public var totalFiles: Int
  /// Chunks embedded so far.
  public var chunks: Int
  /// The share of the work that is done, by bytes.
  public var fraction: Double
  public var seconds: Double
}

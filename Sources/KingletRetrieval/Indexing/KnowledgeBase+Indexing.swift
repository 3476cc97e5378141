import Foundation
import Kinglet
import KingletDocuments
import KingletErrors

extension KnowledgeBase {
  /// Adds a file, or all files of a folder. What is in the store already and has not changed is left as it is.
  ///
  /// Cancelling the calling task stops the work; what was embedded is kept, and the report says so.
  ///
  /// - Parameters:
  ///   - walk: which files of a folder.
  ///   - loading: how files are read.
  ///   - progress: told now and then, from some thread.
  /// - Throws: `.fileNotFound` for what is not there; `.unsupported` or `.fileCorrupt` for a single file that cannot be
  ///   read. In a folder such files are in the report.
  @discardableResult
  public func add(
    contentsOf path: String, walk: FolderWalk = .init(), loading: LoadingOptions = .init(),
    progress: @escaping @Sendable (IndexProgress) -> Void = { _ in }
  ) async throws(KingletError) -> IndexReport {
    try await run { [self] isCancelled throws(KingletError) in
      let path = absolutePath(path)
      guard FileManager.default.fileExists(atPath: path) else {
        throw KingletError(.fileNotFound, "there is no such file or folder", at: path, remedy: "Check the path")
      }
      // An error in the template is told before anything is read.
      try loading.validate()
      let before = try store.sources().first { $0.path == path }
      let source = try store.addSource(path: path, walk: walk, loading: loading)
      let readsAgain = before.map { $0.loading != loading } ?? false
      return try update([source], readsAll: readsAgain, isCancelled, progress)
    }
  }

  /// Looks at all that was added, and follows what has changed: new, edited, moved and deleted files.
  ///
  /// - Parameter readsAll: compares contents also where size and time of modification are the same.
  @discardableResult
  public func refresh(
    readsAll: Bool = false, progress: @escaping @Sendable (IndexProgress) -> Void = { _ in }
  ) async throws(KingletError) -> IndexReport {
    try await run { [self] isCancelled throws(KingletError) in
      try update(store.sources(), readsAll: readsAll, isCancelled, progress)
    }
  }

  /// Removes a file, or all files of a folder, from the store; the files themselves stay. A folder that was added does not
  /// bring them back at the next `refresh`.
  ///
  /// - Returns: the paths that were removed.
  /// - Throws: `.fileNotFound` when nothing of it is in the store.
  @discardableResult
  public func remove(_ path: String) async throws(KingletError) -> [String] {
    try await run { [self] _ throws(KingletError) in
      let path = absolutePath(path)
      let documents = try store.documents().filter { $0.path == path || $0.path.hasPrefix(path + "/") }
      let sources = try store.sources()
      guard !documents.isEmpty || sources.contains(where: { $0.path == path }) else {
        throw KingletError(
          .fileNotFound, "nothing of this is in the store", at: path, remedy: "`kinglet rag status` lists what is.")
      }
      for source in sources {
        if source.path == path || source.path.hasPrefix(path + "/") {
          try store.removeSource(source.id)
        } else if path.hasPrefix(source.path + "/") {
          var walk = source.walk
          walk.exclude.append(String(path.dropFirst(source.path.count)))
          _ = try store.addSource(path: source.path, walk: walk, loading: source.loading)
        }
      }
      try store.removeDocuments(documents.map(\.id))
      return documents.map(\.path)
    }
  }

  private func update(
    _ sources: [StoredSource], readsAll: Bool, _ isCancelled: @escaping @Sendable () -> Bool,
    _ progress: @escaping @Sendable (IndexProgress) -> Void
  ) throws(KingletError) -> IndexReport {
    var indexer = Indexer(self, isCancelled: isCancelled, progress: progress)
    var changes = try ChangeList(sources, in: store) { path in
      indexer.note {
        $0.failed.append(
          .init(path: path, note: "the folder is not there or cannot be read; what the store has of it is kept"))
      }
    }
    indexer.totalFiles = changes.files.count
    indexer.totalBytes = changes.files.reduce(0) { $0 + $1.state.size }
    do throws(KingletError) {
      for file in changes.files {
        if isCancelled() { throw KingletError(.cancelled, "stopped") }
        try look(at: file, &changes, &indexer, readsAll: readsAll)
      }
      try indexer.flush()
      // Last, so that moved files have been found.
      let gone = changes.goneDocuments
      try store.removeDocuments(gone.map(\.id))
      indexer.note { $0.removed += gone.map(\.path) }
      try store.dropKeptVectors()
      if let store = store as? SQLiteStore { try store.index.prepare(store) }
    } catch {
      guard error.code == .cancelled else { throw error }
      indexer.note { $0.isInterrupted = true }
    }
    indexer.finish()
    return indexer.report
  }

  private func look(
    at file: ChangeList.File, _ changes: inout ChangeList, _ indexer: inout Indexer, readsAll: Bool
  ) throws(KingletError) {
    let known = changes.document(at: file.path)
    if let known, known.size == file.state.size, known.modified == file.state.modified, !readsAll {
      indexer.note { $0.unchanged += 1 }
      return indexer.finishFile(file.state.size)
    }
    if known == nil, Loader.looksBinary(file.path) {
      indexer.note { $0.skipped.append(.init(path: file.path, note: "a binary file")) }
      return indexer.finishFile(file.state.size)
    }
    let bytes: [UInt8]
    do throws(KingletError) {
      bytes = try readFile(file.path, limit: file.source.loading.fileLimit)
    } catch {
      indexer.note { $0.failed.append(.init(path: file.path, note: error.description)) }
      return indexer.finishFile(file.state.size)
    }
    // The same file read in another way is another document.
    let hash = ContentHash(of: ["\(ContentHash(bytes))", file.source.loading.key]).bytes
    if let known, known.hash == hash {
      try store.moveDocument(
        known.id, path: file.path, size: file.state.size, modified: file.state.modified, source: file.source.id)
      indexer.note { $0.unchanged += 1 }
      return indexer.finishFile(file.state.size)
    }
    if known == nil, let old = changes.takeMoved(hash) {
      try store.moveDocument(
        old.id, path: file.path, size: file.state.size, modified: file.state.modified, source: file.source.id)
      indexer.note { $0.moved.append(.init(path: old.path, note: file.path)) }
      return indexer.finishFile(file.state.size)
    }
    try indexer.add(
      file.path, bytes: bytes, hash: hash, state: file.state, source: file.source, isNew: known == nil)
  }
}

/// The files of some sources, and the documents that the store has of them.
private struct ChangeList {
  struct File {
    let path: String
    let state: FileState
    let source: StoredSource
  }

  let files: [File]
  private let documents: [String: StoredDocument]
  /// Documents of these sources without a file, by their hashes.
  private var gone: [[UInt8]: [StoredDocument]] = [:]

  init(
    _ sources: [StoredSource], in store: any VectorStore, unreadable: (String) -> Void
  ) throws(KingletError) {
    var files: [File] = []
    var seen: Set<String> = []
    var unread: [String] = []
    let stored = try store.documents()
    for source in sources {
      var paths: [String] = []
      if let state = FileState(path: source.path) {
        if seen.insert(source.path).inserted { files.append(File(path: source.path, state: state, source: source)) }
        continue
      } else if FileManager.default.fileExists(atPath: source.path) {
        paths = try source.walk.files(under: source.path) { unread.append($0) }
      } else if stored.contains(where: { $0.path.hasPrefix(source.path + "/") }) {
        // A disk that is not there today is no reason to forget what was on it.
        unread.append(source.path)
      }
      for path in paths where path != store.location && !path.hasPrefix(store.location + "-") {
        guard let state = FileState(path: path), seen.insert(path).inserted else { continue }
        files.append(File(path: path, state: state, source: source))
      }
    }
    for path in unread { unreadable(path) }
    self.files = files
    var documents: [String: StoredDocument] = [:]
    let ids = Set(sources.map(\.id))
    for document in stored {
      documents[document.path] = document
      let isGone = (document.source.map { ids.contains($0) } ?? true) && !seen.contains(document.path)
      // A folder that cannot be read today is not an empty one.
      if isGone, !unread.contains(where: { document.path.hasPrefix($0 + "/") }) {
        gone[document.hash, default: []].append(document)
      }
    }
    self.documents = documents
  }

  func document(at path: String) -> StoredDocument? { documents[path] }

  /// A document with this content whose file is gone.
  mutating func takeMoved(_ hash: [UInt8]) -> StoredDocument? { gone[hash]?.popLast() }

  var goneDocuments: [StoredDocument] { gone.values.flatMap { $0 }.sorted { $0.path < $1.path } }
}

extension LoadingOptions {
  /// Equal for options that read files in the same way.
  fileprivate var key: String {
    [template, identifier, records, query].map { $0 ?? "\u{0}" }.joined(separator: "\u{1}")
  }
}

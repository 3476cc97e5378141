import Foundation
import GRDB
import Kinglet
import KingletDocuments
import KingletErrors

/// The store in one SQLite file (3.32 or later, with FTS5).
///
/// The file is in WAL mode: any number of processes read while one writes, and after a crash at any moment what was
/// committed is there. `Schema.swift` says what the tables hold.
public final class SQLiteStore: VectorStore {
  public let location: String
  let pool: DatabasePool
  let index: VectorIndex

  /// Opens the store at `path`, which is made if `create` says so.
  ///
  /// - Throws: `.fileNotFound` when there is none, `.fileCorrupt` for a file that is no store, `.unsupported` for one of
  ///   another version.
  public init(path: String, create: Bool) throws(KingletError) {
    let path = absolutePath(path)
    if !create, !FileManager.default.fileExists(atPath: path) {
      throw KingletError(
        .fileNotFound, "there is no store", at: path, remedy: "Make one with `kinglet rag add STORE PATH…`.")
    }
    let open = { () throws -> DatabasePool in
      var configuration = Configuration()
      configuration.busyMode = .timeout(30)
      configuration.maximumReaderCount = 4
      configuration.prepareDatabase { database in
        // Vectors of 384 floats fill pages of 8 KiB well; the setting only counts for a file that is still empty.
        if !database.configuration.readonly { try database.execute(sql: "PRAGMA page_size = 8192") }
        try database.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 1073741824")
      }
      let pool = try DatabasePool(path: path, configuration: configuration)
      // Who only reads does not wait for who writes.
      if try !pool.read({ try Schema.isReady($0, at: path) }) { try pool.write { try Schema.prepare($0, at: path) } }
      return pool
    }
    pool = try wrapped(path, open)
    location = path
    index = VectorIndex(store: path)
  }

  func read<R>(_ body: @escaping (Database) throws -> R) throws(KingletError) -> R {
    try wrapped(location) { [pool] in try pool.read(body) }
  }

  func write<R>(_ body: @escaping (Database) throws -> R) throws(KingletError) -> R {
    try wrapped(location) { [pool] in try pool.write(body) }
  }

  public func settings() throws(KingletError) -> StoreSettings? {
    try read { database in
      guard let text = try Schema.value("settings", database) else { return nil }
      return try JSONDecoder().decode(StoreSettings.self, from: Data(text.utf8))
    }
  }

  public func setSettings(_ settings: StoreSettings) throws(KingletError) {
    try write { try Schema.setValue("settings", json(settings), $0) }
  }

  public func statistics() throws(KingletError) -> StoreStatistics {
    var statistics = try read { database in
      var result = StoreStatistics()
      for row in try Row.fetchAll(
        database, sql: "SELECT format, count(*) AS count, total(text_size) AS size FROM document GROUP BY format")
      {
        let count: Int = try row.value("count")
        result.documentsByFormat[try row.value("format")] = count
        result.documents += count
        result.textBytes += Int(clamping: Int64(exactly: try row.value("size") as Double) ?? 0)
      }
      for row in try Row.fetchAll(
        database,
        sql: """
          SELECT kind, count(*) AS count, sum(token_count) AS tokens, sum(is_truncated) AS truncated
          FROM chunk GROUP BY kind
          """)
      {
        let count: Int = try row.value("count")
        if try row.value("kind") == ChunkKind.summary.rawValue {
          result.summaries = count
        } else {
          result.chunks = count
          result.tokens = try row.value("tokens")
          result.truncatedChunks = try row.value("truncated")
        }
      }
      return result
    }
    statistics.fileBytes = FileState(path: location)?.size ?? 0
    return statistics
  }

  public func integrityProblems() throws(KingletError) -> [String] {
    try read { database in
      var problems = try String.fetchAll(database, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
      let incomplete = try Int.fetchOne(
        database,
        sql: """
          SELECT count(*) FROM chunk c LEFT JOIN vector v ON v.id = c.id LEFT JOIN document d ON d.id = c.document
          WHERE v.id IS NULL OR d.id IS NULL
          """)
      if let incomplete, incomplete > 0 { problems.append("\(incomplete) chunks have no vector or no document") }
      return problems
    }
  }
}

/// Runs work on a database; whatever SQLite complains of becomes a `KingletError` that names the file.
func wrapped<R>(_ path: String, _ body: () throws -> R) throws(KingletError) -> R {
  do {
    return try body()
  } catch let error as KingletError {
    throw error
  } catch let error as DatabaseError {
    throw KingletError(error, at: path)
  } catch {
    throw KingletError(.fileCorrupt, "the store holds something unexpected: \(error)", at: path)
  }
}

extension KingletError {
  fileprivate init(_ error: DatabaseError, at path: String) {
    let text = error.message ?? "\(error.resultCode)"
    switch error.resultCode {
    case .SQLITE_NOTADB:
      self.init(.fileCorrupt, "this is no store", at: path, remedy: "Name another file.")
    case .SQLITE_CORRUPT:
      self.init(
        .fileCorrupt, "the store is damaged: \(text)", at: path,
        remedy: "Restore it from a backup, or make a new one and add the documents again.")
    case .SQLITE_FULL:
      self.init(
        .fileUnreadable, "the disk is full", at: path, remedy: "Make room and do it again: what was committed is kept.")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self.init(
        .fileUnreadable, "another process is writing to the store", at: path, remedy: "Wait until it is done.")
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY:
      self.init(
        .fileUnreadable, "the store cannot be opened or written: \(text)", at: path,
        remedy: "Check that the folder exists and that you may write to it.")
    default:
      self.init(.fileUnreadable, "SQLite failed: \(text)", at: path)
    }
  }
}

extension Row {
  /// A value of a store, which is not trusted: GRDB's own subscripts end the process where the type is another.
  func value<Value: DatabaseValueConvertible>(_ column: String) throws(KingletError) -> Value {
    guard let value: Value = try valueOrNil(column) else {
      throw KingletError(.fileCorrupt, "the column `\(column)` has no value")
    }
    return value
  }

  /// The same of a column that may be empty.
  func valueOrNil<Value: DatabaseValueConvertible>(_ column: String) throws(KingletError) -> Value? {
    guard let stored = self[column] as DatabaseValue?, !stored.isNull else { return nil }
    guard let value = Value.fromDatabaseValue(stored) else {
      throw KingletError(.fileCorrupt, "the column `\(column)` holds something else: \(stored)")
    }
    return value
  }
}

/// A path from the root, without `.`, `..` and links in its folder's name.
func absolutePath(_ path: String) -> String {
  let url = URL(fileURLWithPath: path)
  // The last part stays as it is: a link to a file is a document of its own.
  return url.deletingLastPathComponent().resolvingSymlinksInPath().appendingPathComponent(url.lastPathComponent).path
}

/// A value as compact JSON with keys in order.
func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

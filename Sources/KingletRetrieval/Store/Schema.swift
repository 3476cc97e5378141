import GRDB
import KingletErrors

/// The tables of a store.
///
/// - `piece` holds the extracted text of documents, cut every 32 KiB; chunks are ranges of its bytes and keep no copy.
///   A chunk of a large file is read without the rest of it.
/// - `vector` holds float32, little-endian; rows of their own, so that a scan reads nothing else.
/// - `words` is an FTS5 index without content: the text is in `piece` already.
/// - `kept` holds vectors of documents whose embedding was interrupted, by the hash of their chunk.
/// - Ids are never used twice, so that a scan image made earlier cannot name the wrong chunk.
/// - `revision` counts the transactions that changed chunks.
enum Schema {
  /// "KNGL" in the header of the file, and the version of these tables.
  private static let applicationID = 0x4B4E_474C
  private static let version = 1
  /// Bytes of a piece of text.
  static let pieceSize = 32 << 10

  /// Whether this is a store, with these tables; not yet, if it is new.
  static func isReady(_ database: Database, at path: String) throws -> Bool {
    guard try Int.fetchOne(database, sql: "PRAGMA application_id") == applicationID else { return false }
    let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    guard version == Self.version else {
      throw KingletError(
        .unsupported, "the store has version \(version), this Kinglet knows \(Self.version)", at: path,
        remedy: "Use that version of Kinglet, or make a new store.")
    }
    return true
  }

  /// Makes the tables of a new store.
  static func prepare(_ database: Database, at path: String) throws {
    // Another process may have been first.
    if try isReady(database, at: path) { return }
    guard try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0 else {
      throw KingletError(
        .fileCorrupt, "this is an SQLite database, but no store of Kinglet", at: path, remedy: "Name another file.")
    }
    try database.execute(sql: tables)
    try database.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(Self.version)")
    try setValue("revision", "0", database)
    try setValue("identity", String(UInt64.random(in: 1...(.max)), radix: 36), database)
  }

  static func value(_ key: String, _ database: Database) throws -> String? {
    try String.fetchOne(database, sql: "SELECT value FROM setting WHERE key = ?", arguments: [key])
  }

  static func setValue(_ key: String, _ value: String, _ database: Database) throws {
    try database.execute(sql: "INSERT OR REPLACE INTO setting VALUES (?, ?)", arguments: [key, value])
  }

  /// To be called in every transaction that changes chunks.
  static func countRevision(_ database: Database) throws {
    try database.execute(sql: "UPDATE setting SET value = CAST(value AS INTEGER) + 1 WHERE key = 'revision'")
  }

  private static let tables = """
    CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE source (
      id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, walk TEXT NOT NULL, loading TEXT NOT NULL);
    CREATE TABLE document (
      id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, source INTEGER, format TEXT NOT NULL,
      encoding TEXT NOT NULL, title TEXT, summary TEXT, hash BLOB NOT NULL, size INTEGER NOT NULL,
      modified INTEGER NOT NULL, matches_file INTEGER NOT NULL, notes TEXT NOT NULL,
      text_size INTEGER NOT NULL);
    CREATE TABLE piece (document INTEGER NOT NULL, start INTEGER NOT NULL, bytes BLOB NOT NULL);
    CREATE UNIQUE INDEX piece_place ON piece (document, start);
    CREATE TABLE chunk (
      id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, kind INTEGER NOT NULL, ordinal INTEGER NOT NULL,
      start INTEGER NOT NULL, stop INTEGER NOT NULL, first_line INTEGER NOT NULL, last_line INTEGER NOT NULL,
      first_page INTEGER, last_page INTEGER, heading TEXT NOT NULL, place TEXT NOT NULL, token_count INTEGER NOT NULL,
      is_truncated INTEGER NOT NULL, hash BLOB NOT NULL);
    CREATE INDEX chunk_document ON chunk (document, kind, ordinal);
    CREATE INDEX chunk_hash ON chunk (hash);
    CREATE TABLE vector (id INTEGER PRIMARY KEY, value BLOB NOT NULL);
    CREATE TABLE kept (hash BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'unicode61');
    """
}

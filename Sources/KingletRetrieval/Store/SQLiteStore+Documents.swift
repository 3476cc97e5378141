import Foundation
import GRDB
import Kinglet
import KingletDocuments
import KingletErrors

extension SQLiteStore {
  public func sources() throws(KingletError) -> [StoredSource] {
    try read { try Row.fetchAll($0, sql: "SELECT * FROM source ORDER BY id").map(Self.source) }
  }

  public func addSource(
    path: String, walk: FolderWalk, loading: LoadingOptions
  ) throws(KingletError) -> StoredSource {
    try write { database in
      try database.execute(
        sql: """
          INSERT INTO source (path, walk, loading) VALUES (?, ?, ?)
          ON CONFLICT (path) DO UPDATE SET walk = excluded.walk, loading = excluded.loading
          """, arguments: [path, json(walk), json(loading)])
      guard let row = try Row.fetchOne(database, sql: "SELECT * FROM source WHERE path = ?", arguments: [path]) else {
        throw KingletError(.fileCorrupt, "a row that was just written is not there", at: path)
      }
      return try Self.source(row)
    }
  }

  public func removeSource(_ id: Int64) throws(KingletError) {
    try write { try $0.execute(sql: "DELETE FROM source WHERE id = ?", arguments: [id]) }
  }

  private static func source(_ row: Row) throws -> StoredSource {
    StoredSource(
      id: try row.value("id"), path: try row.value("path"), walk: try decoded(row.value("walk")),
      loading: try decoded(row.value("loading")))
  }

  private static let documentColumns = """
    id, path, format, encoding, title, hash, size, modified, matches_file, notes, source,
    (SELECT count(*) FROM chunk WHERE document = document.id AND kind = 0) AS chunk_count
    """

  public func documents() throws(KingletError) -> [StoredDocument] {
    try read { database in
      try Row.fetchAll(database, sql: "SELECT \(Self.documentColumns) FROM document ORDER BY path").map(Self.document)
    }
  }

  public func documents(_ ids: [Int64]) throws(KingletError) -> [StoredDocument] {
    try read { database in
      try ids.compactMap { id in
        try Row.fetchOne(
          database, sql: "SELECT \(Self.documentColumns) FROM document WHERE id = ?", arguments: [id]
        ).map(Self.document)
      }
    }
  }

  private static func document(_ row: Row) throws -> StoredDocument {
    let name: String = try row.value("format")
    guard let format = DocumentFormat(rawValue: name) else {
      throw KingletError(.fileCorrupt, "there is no format \(name)")
    }
    return StoredDocument(
      id: try row.value("id"), path: try row.value("path"), format: format, encoding: try row.value("encoding"),
      title: try row.valueOrNil("title"), hash: [UInt8](try row.value("hash") as Data), size: try row.value("size"),
      modified: try row.value("modified"), matchesFile: try row.value("matches_file"),
      notes: try decoded(row.value("notes")), source: try row.valueOrNil("source"),
      chunkCount: try row.value("chunk_count"))
  }

  public func text(of document: Int64) throws(KingletError) -> String? {
    try read { try Self.text(of: document, in: 0..<Int.max, $0).map { String(decoding: $0, as: UTF8.self) } }
  }

  public func summary(of document: Int64) throws(KingletError) -> String? {
    try read { try String.fetchOne($0, sql: "SELECT summary FROM document WHERE id = ?", arguments: [document]) }
  }

  public func replace(_ document: NewDocument) throws(KingletError) {
    try write { database in
      if let old = try Int64.fetchOne(
        database, sql: "SELECT id FROM document WHERE path = ?", arguments: [document.path])
      {
        try Self.remove(old, database)
      }
      let content = document.content
      try database.execute(
        sql: """
          INSERT INTO document
            (path, source, format, encoding, title, summary, hash, size, modified, matches_file, notes, text_size)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          document.path, document.source, content.format.rawValue, content.encoding, content.title, document.summary,
          Data(document.hash), document.size, document.modified, content.matchesFile, try json(content.notes),
          content.text.utf8.count,
        ])
      let id = database.lastInsertedRowID
      try Self.insert(content.text, of: id, database)
      try Self.insert(document.chunks, of: id, database)
      try Schema.countRevision(database)
    }
  }

  private static func insert(_ text: String, of document: Int64, _ database: Database) throws {
    let statement = try database.makeStatement(sql: "INSERT INTO piece VALUES (?, ?, ?)")
    let data = Data(text.utf8)
    for start in stride(from: 0, to: data.count, by: Schema.pieceSize) {
      let piece = data[start..<min(data.count, start + Schema.pieceSize)]
      try statement.execute(arguments: [document, start, piece])
    }
  }

  /// Some bytes of a document's text, as far as it goes; nil when there is no such document.
  static func text(of document: Int64, in range: Range<Int>, _ database: Database) throws -> [UInt8]? {
    guard
      let size = try Int.fetchOne(
        database, sql: "SELECT text_size FROM document WHERE id = ?", arguments: [document])
    else { return nil }
    let range = range.clamped(to: 0..<max(0, size))
    if range.isEmpty { return [] }
    let first = range.lowerBound / Schema.pieceSize * Schema.pieceSize
    var bytes: [UInt8] = []
    let pieces = try Row.fetchCursor(
      database, sql: "SELECT start, bytes FROM piece WHERE document = ? AND start >= ? AND start < ? ORDER BY start",
      arguments: [document, first, range.upperBound])
    while let row = try pieces.next() {
      guard try row.value("start") == first + bytes.count else { break }
      bytes += try row.value("bytes") as Data
    }
    guard bytes.count >= range.upperBound - first else {
      throw KingletError(.fileCorrupt, "the text of document \(document) has a hole")
    }
    return Array(bytes[range.lowerBound - first..<range.upperBound - first])
  }

  private static func insert(_ chunks: [NewChunk], of document: Int64, _ database: Database) throws {
    let chunkStatement = try database.makeStatement(
      sql: """
        INSERT INTO chunk (document, kind, ordinal, start, stop, first_line, last_line, first_page, last_page, heading,
          place, token_count, is_truncated, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    let vectorStatement = try database.makeStatement(sql: "INSERT INTO vector VALUES (?, ?)")
    let wordStatement = try database.makeStatement(sql: "INSERT INTO words (rowid, text) VALUES (?, ?)")
    let keptStatement = try database.makeStatement(sql: "DELETE FROM kept WHERE hash = ?")
    for (ordinal, new) in chunks.enumerated() {
      let (chunk, hash) = (new.chunk, Data(new.hash))
      try chunkStatement.execute(arguments: [
        document, new.kind.rawValue, ordinal, chunk.range.lowerBound, chunk.range.upperBound,
        chunk.lines.lowerBound, chunk.lines.upperBound, chunk.pages?.lowerBound, chunk.pages?.upperBound,
        chunk.heading.isEmpty ? "[]" : try json(chunk.heading), chunk.place == Place() ? "{}" : try json(chunk.place),
        chunk.tokenCount, new.isTruncated, hash,
      ])
      let id = database.lastInsertedRowID
      try vectorStatement.execute(arguments: [id, new.vector.littleEndianBytes])
      if new.kind == .content { try wordStatement.execute(arguments: [id, chunk.text]) }
      try keptStatement.execute(arguments: [hash])
    }
  }

  /// Removes a document; a contentless index wants to be told the text that it forgets.
  private static func remove(_ document: Int64, _ database: Database) throws {
    guard let bytes = try text(of: document, in: 0..<Int.max, database) else { return }
    let forget = try database.makeStatement(sql: "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)")
    let rows = try Row.fetchAll(
      database, sql: "SELECT id, start, stop FROM chunk WHERE document = ? AND kind = 0", arguments: [document])
    for row in rows {
      let range = try validRange(row.value("start"), row.value("stop"), in: bytes.count)
      try forget.execute(arguments: [row.value("id") as Int64, String(decoding: bytes[range], as: UTF8.self)])
    }
    try database.execute(
      sql: "DELETE FROM vector WHERE id IN (SELECT id FROM chunk WHERE document = ?)", arguments: [document])
    try database.execute(sql: "DELETE FROM chunk WHERE document = ?", arguments: [document])
    try database.execute(sql: "DELETE FROM piece WHERE document = ?", arguments: [document])
    try database.execute(sql: "DELETE FROM document WHERE id = ?", arguments: [document])
  }

  public func moveDocument(
    _ id: Int64, path: String, size: Int, modified: Int, source: Int64?
  ) throws(KingletError) {
    try write { database in
      try database.execute(
        sql: "UPDATE document SET path = ?, size = ?, modified = ?, source = ? WHERE id = ?",
        arguments: [path, size, modified, source, id])
    }
  }

  public func removeDocuments(_ ids: [Int64]) throws(KingletError) {
    for id in ids {
      try write { database in
        try Self.remove(id, database)
        try Schema.countRevision(database)
      }
    }
  }

  public func knownVectors(_ hashes: [[UInt8]]) throws(KingletError) -> [[UInt8]: [Float]] {
    try read { database in
      let statement = try database.makeStatement(
        sql: """
          SELECT value FROM vector WHERE id = (SELECT id FROM chunk WHERE hash = ?1 LIMIT 1)
          UNION ALL SELECT value FROM kept WHERE hash = ?1 LIMIT 1
          """)
      var result: [[UInt8]: [Float]] = [:]
      for hash in hashes where result[hash] == nil {
        if let data = try Data.fetchOne(statement, arguments: [Data(hash)]) { result[hash] = data.floats }
      }
      return result
    }
  }

  public func keepVectors(_ vectors: [(hash: [UInt8], vector: [Float])]) throws(KingletError) {
    try write { database in
      let statement = try database.makeStatement(sql: "INSERT OR REPLACE INTO kept VALUES (?, ?)")
      for (hash, vector) in vectors { try statement.execute(arguments: [Data(hash), vector.littleEndianBytes]) }
    }
  }

  public func dropKeptVectors() throws(KingletError) {
    try write { try $0.execute(sql: "DELETE FROM kept") }
  }
}

/// A range from a file, which is not trusted.
func validRange(_ start: Int, _ stop: Int, in count: Int) throws -> Range<Int> {
  guard start >= 0, stop >= start, stop <= count else {
    throw KingletError(.fileCorrupt, "a chunk has the bytes \(start)..<\(stop) of a text of \(count)")
  }
  return start..<stop
}

func decoded<T: Decodable>(_ text: String) throws -> T {
  try JSONDecoder().decode(T.self, from: Data(text.utf8))
}

/// The same, without a decoder for the text that most rows hold.
func decoded<T: Decodable>(_ text: String, or empty: String, _ value: T) throws -> T {
  text == empty ? value : try decoded(text)
}

extension [Float] {
  /// As the store keeps a vector.
  var littleEndianBytes: Data {
    var data = Data(capacity: count * 4)
    for value in self { Swift.withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
    return data
  }
}

extension Data {
  /// A vector that the store has kept.
  var floats: [Float] {
    withUnsafeBytes { raw in
      [Float](unsafeUninitializedCapacity: raw.count / 4) { buffer, count in
        for index in 0..<raw.count / 4 {
          let bits = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
          buffer[index] = Float(bitPattern: bits)
        }
        count = raw.count / 4
      }
    }
  }
}

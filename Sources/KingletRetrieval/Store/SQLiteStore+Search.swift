import Foundation
import GRDB
import Kinglet
import KingletDocuments
import KingletErrors

extension SQLiteStore {
  private static let chunkQuery = "SELECT * FROM chunk"

  public func chunks(_ ids: [Int64]) throws(KingletError) -> [StoredChunk] {
    try read { database in
      let statement = try database.makeStatement(sql: Self.chunkQuery + " WHERE id = ?")
      return try ids.compactMap { id in
        try Row.fetchOne(statement, arguments: [id]).map { try Self.chunk($0, database) }
      }
    }
  }

  public func chunks(of document: Int64) throws(KingletError) -> [StoredChunk] {
    try read { database in
      try Row.fetchAll(
        database, sql: Self.chunkQuery + " WHERE document = ? ORDER BY ordinal", arguments: [document]
      ).map { try Self.chunk($0, database) }
    }
  }

  private static func chunk(_ row: Row, _ database: Database) throws -> StoredChunk {
    let number: Int = try row.value("kind")
    guard let kind = ChunkKind(rawValue: number) else {
      throw KingletError(.fileCorrupt, "a chunk has the kind \(number)")
    }
    let document: Int64 = try row.value("document")
    let range = try validRange(row.value("start"), row.value("stop"), in: Int.max)
    let text: String
    switch kind {
    case .content:
      let bytes = try Self.text(of: document, in: range, database) ?? []
      guard bytes.count == range.count else {
        throw KingletError(.fileCorrupt, "a chunk has the bytes \(range) of a text that is shorter")
      }
      text = String(decoding: bytes, as: UTF8.self)
    case .summary:
      text =
        try String.fetchOne(database, sql: "SELECT summary FROM document WHERE id = ?", arguments: [document]) ?? ""
    }
    let firstLine = max(1, try row.value("first_line") as Int)
    let firstPage: Int? = try row.valueOrNil("first_page")
    let lastPage: Int? = try row.valueOrNil("last_page")
    return StoredChunk(
      id: try row.value("id"), document: document, kind: kind, ordinal: try row.value("ordinal"), range: range,
      lines: firstLine...max(firstLine, try row.value("last_line")),
      pages: firstPage.map { $0...max($0, lastPage ?? $0) },
      heading: try decoded(row.value("heading"), or: "[]", []),
      place: try decoded(row.value("place"), or: "{}", Place()), text: text, tokenCount: try row.value("token_count"))
  }

  public func vectors(_ ids: [Int64]) throws(KingletError) -> [Int64: [Float]] {
    try read { database in
      let statement = try database.makeStatement(sql: "SELECT value FROM vector WHERE id = ?")
      var result: [Int64: [Float]] = [:]
      for id in ids { result[id] = try Data.fetchOne(statement, arguments: [id])?.floats }
      return result
    }
  }

  public func nearest(_ vector: [Float], count: Int, where filter: SearchFilter) throws(KingletError) -> ScoredRun {
    let allowed = try filter.isEmpty ? nil : self.ids(where: filter)
    return try index.nearest(vector, count: count, among: allowed, summaries: filter.includesSummaries, in: self)
  }

  public func spread(of vector: [Float]) throws(KingletError) -> (mean: Float, deviation: Float) {
    try index.spread(of: vector, in: self)
  }

  /// The chunks that a filter lets through, in ascending order.
  private func ids(where filter: SearchFilter) throws(KingletError) -> [Int64] {
    let (condition, arguments) = filter.sql
    return try read { database in
      try Int64.fetchAll(
        database,
        sql: "SELECT c.id FROM chunk c JOIN document d ON d.id = c.document WHERE \(condition) ORDER BY c.id",
        arguments: arguments)
    }
  }

  public func matching(_ text: String, count: Int, where filter: SearchFilter) throws(KingletError) -> ScoredRun {
    guard let expression = KeywordQuery.expression(for: text), count > 0 else {
      return ScoredRun()
    }
    let (condition, arguments) = filter.sql
    return try read { database in
      var sql = "SELECT rowid, bm25(words) FROM words WHERE words MATCH ?"
      var all: StatementArguments = [expression]
      if !filter.isEmpty {
        sql += " AND rowid IN (SELECT c.id FROM chunk c JOIN document d ON d.id = c.document WHERE \(condition))"
        all += arguments
      }
      // All matches are looked at in any case, for the order; here they are also added up, and make up the distribution.
      var (hits, sum, squares): ([ScoredChunk], Double, Double) = ([], 0, 0)
      let rows = try Row.fetchCursor(database, sql: sql, arguments: all)
      while let row = try rows.next() {
        let score = -(row[1] as Double)
        hits.append(ScoredChunk(id: row[0], score: Float(score)))
        sum += score
        squares += score * score
      }
      hits.sort { $0.score > $1.score || $0.score == $1.score && $0.id < $1.id }
      let mean = sum / Double(max(1, hits.count))
      let variance = squares / Double(max(1, hits.count)) - mean * mean
      return ScoredRun(
        hits: Array(hits.prefix(count)), mean: Float(mean), deviation: Float(max(0, variance).squareRoot()),
        least: hits.last?.score ?? 0)
    }
  }
}

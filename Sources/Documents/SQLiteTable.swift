import GRDB
import KingletErrors
import KingletFiles

/// The rows that a query finds in an SQLite file, which is opened for reading only.
enum SQLiteTable {
  static func load(_ path: String, _ options: LoadingOptions) throws(KingletError) -> LoadedDocument {
    guard let query = options.query else {
      throw KingletError(
        .invalidArgument, "which rows of the database are meant?", at: path, remedy: "Give a query, such as SELECT …")
    }
    let writer = try RecordWriter(.sqlite, options)
    let read = { () throws -> LoadedDocument in try rows(path, query, options.fileLimit, writer) }
    do {
      return try read()
    } catch let error as KingletError {
      throw error
    } catch {
      throw KingletError(.fileUnreadable, "the query failed: \(error)", at: path)
    }
  }

  private static func rows(
    _ path: String, _ query: String, _ limit: Int, _ start: RecordWriter
  ) throws -> LoadedDocument {
    var configuration = Configuration()
    configuration.readonly = true
    return try DatabaseQueue(path: path, configuration: configuration).read { database in
      let statement = try database.makeStatement(sql: query)
      guard statement.isReadonly, statement.columnCount > 0 else {
        throw KingletError(.invalidArgument, "the query returns no rows", at: query)
      }
      var writer = start
      var (count, size) = (0, 0)
      let rows = try Row.fetchCursor(statement)
      while let row = try rows.next() {
        count += 1
        var members: [JSONValue.Member] = []
        for (name, value) in row {
          let value = json(value)
          size += value.string?.utf8.count ?? 8
          members.append(.init(key: name, value: value))
        }
        guard size <= limit else {
          throw KingletError(
            .unsupported, "the query returns more than \(limit) bytes", at: path, remedy: "Add a LIMIT")
        }
        writer.append(.object(members), row: count)
      }
      return writer.document()
    }
  }

  private static func json(_ value: DatabaseValue) -> JSONValue {
    switch value.storage {
    case .null, .blob: .null
    case .int64(let value): .integer(Int(value))
    case .double(let value): .number(value)
    case .string(let value): .string(value)
    }
  }
}

/// How files are read. What a format has no use for is ignored.
public struct LoadingOptions: Sendable, Equatable, Codable {
  /// How a record reads, such as `{question} {answer}`; nil takes its `text` (or `body`, `content` …) under its `title`,
  /// or all fields.
  public var template: String?
  /// The field with which a record names itself; nil looks for `_id`, `id`, `doc_id`.
  public var identifier: String?
  /// The JSON pointer of the array of records in a JSON file; nil takes the whole file if it is an array, or its only
  /// array of objects.
  public var records: String?
  /// The query whose rows are the records of an SQLite file, which is left out without one.
  public var query: String?
  /// The largest file that is read, in bytes.
  public var fileLimit: Int

  public init(
    template: String? = nil, identifier: String? = nil, records: String? = nil, query: String? = nil,
    fileLimit: Int = 256 << 20
  ) {
    self.template = template
    self.identifier = identifier
    self.records = records
    self.query = query
    self.fileLimit = fileLimit
  }
}

extension LoadingOptions {
  /// Throws `.invalidArgument` for what makes no sense for any file.
  public func validate() throws(KingletError) {
    if let template { _ = try Template(template) }
    if let records, !records.isEmpty, !records.hasPrefix("/") {
      throw KingletError(.invalidArgument, "`\(records)` is no JSON pointer", remedy: "It begins with a slash.")
    }
  }
}

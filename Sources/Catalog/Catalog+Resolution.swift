import KingletErrors

extension Catalog {
  /// The path of the file that a `--model` argument means, or of the folder, if that holds a Hugging Face model.
  ///
  /// A file of that path wins over a model of that name. A folder never does, for a folder `smollm2` in the current
  /// directory says nothing about the model `smollm2`.
  ///
  /// - Throws: `KingletError.Code.fileNotFound` for what can only be a path and is not there,
  ///   `KingletError.Code.modelNotFound` for a name that is unknown, or known but not on this machine.
  public func resolve(_ model: String, in folders: ModelFolders) throws(KingletError) -> String {
    let status = FileStatus(path: model)
    if status.isFile { return model }
    if let entry = self[model] { return try path(of: entry, in: folders) }
    if status == .folder {
      if FileStatus(path: model + "/config.json").isFile { return model }
      throw KingletError(
        .fileNotFound, "this is a folder, and holds no Hugging Face model", at: model,
        remedy: "Name a .gguf file inside it")
    }
    if model.contains("/") || model.lowercased().hasSuffix(".gguf") {
      throw KingletError(.fileNotFound, "no such file", at: model)
    }
    throw unknown(model)
  }

  /// The path of a catalogue model's file.
  ///
  /// - Throws: `KingletError.Code.modelNotFound` if no folder holds the whole file.
  public func path(of entry: CatalogEntry, in folders: ModelFolders) throws(KingletError) -> String {
    let fetch = "Fetch it with `scripts/fetch-model \(entry.name)`"
    switch entry.presence(in: folders) {
    case .present(let path):
      return path
    case .incomplete(let path, let size):
      throw KingletError(
        .modelNotFound, "the file has \(size) bytes, but the model `\(entry.name)` has \(entry.size)", at: path,
        remedy: fetch)
    case .absent:
      let places = folders.paths.isEmpty ? "no folder" : folders.paths.joined(separator: ", ")
      throw KingletError(
        .modelNotFound,
        "the model `\(entry.name)` is not on this machine: looked for \(entry.file) in \(places)", remedy: fetch)
    }
  }

  private func unknown(_ model: String) -> KingletError {
    let names = entries.map(\.name)
    let suggestion = nearest(to: model, among: names).map { "Did you mean `\($0)`? " } ?? ""
    return KingletError(
      .modelNotFound, "`\(model)` is neither a file nor a model of the catalogue",
      remedy: suggestion + "The catalogue has " + names.joined(separator: ", "))
  }
}

/// The candidate that a slip of the fingers may have turned into `word`: the one that begins with it, or else the one
/// fewest edits away, up to a third of its letters.
func nearest(to word: String, among candidates: [String]) -> String? {
  let word = word.lowercased()
  if word.count >= 3, let longer = candidates.first(where: { $0.lowercased().hasPrefix(word) }) { return longer }
  return candidates.map { (name: $0, edits: editDistance(word, $0.lowercased())) }
    .filter { $0.edits <= max(1, $0.name.count / 3) }
    .min { $0.edits < $1.edits }?.name
}

/// The least number of letters to insert, delete or replace (Levenshtein 1966), by the usual table, one row at a time.
private func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (letter == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
    }
  }
  return row[b.count]
}

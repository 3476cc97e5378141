/// Whether a model of the catalogue is on this machine.
public enum ModelPresence: Equatable, Sendable {
  /// No folder holds the file.
  case absent
  /// The file is there but has another size than the catalogue says: cut short, or another file of that name.
  case incomplete(path: String, size: Int)
  /// The file is there and has the right size. Its checksum was verified when it was fetched.
  case present(path: String)
}

extension CatalogEntry {
  /// Looks for the file; a complete one in a later folder wins over an incomplete one in an earlier folder.
  public func presence(in folders: ModelFolders) -> ModelPresence {
    var found = ModelPresence.absent
    for folder in folders.paths {
      let path = folder + "/" + file
      guard let bytes = byteCount(at: path) else { continue }
      if bytes == size { return .present(path: path) }
      if found == .absent { found = .incomplete(path: path, size: bytes) }
    }
    return found
  }

  /// The bytes of the file, or of those files of the folder that are as large as they should be; nil where there is none.
  private func byteCount(at path: String) -> Int? {
    switch FileStatus(path: path) {
    case .file(let size) where !isFolder: size
    case .folder where isFolder:
      parts.reduce(0) { sum, part in
        FileStatus(path: "\(path)/\(part.file ?? "")") == .file(size: part.size) ? sum + part.size : sum
      }
    default: nil
    }
  }

  /// Whether a complete file is in one of the folders.
  public func isPresent(in folders: ModelFolders) -> Bool {
    if case .present = presence(in: folders) { true } else { false }
  }
}

import Foundation
import KingletErrors

/// Finds the files under a folder.
public struct FolderWalk: Sendable, Equatable, Codable {
  /// Only files that match one of these patterns; all, if there are none.
  public var include: [String]
  /// No files or folders that match one of these.
  public var exclude: [String]
  /// Whether files are left out that hardly anyone means: hidden ones, those of version control, packages and builds, and
  /// what `.gitignore` and `.kingletignore` name.
  public var honoursIgnoreFiles: Bool

  public init(include: [String] = [], exclude: [String] = [], honoursIgnoreFiles: Bool = true) {
    self.include = include
    self.exclude = exclude
    self.honoursIgnoreFiles = honoursIgnoreFiles
  }

  private static let defaultExclusions = [
    ".*", "node_modules/", "__pycache__/", "bower_components/", "DerivedData/", "venv/", "*.egg-info/", "*~", "*.swp",
    "*.sqlite-wal", "*.sqlite-shm", "*.db-wal", "*.db-shm", "*.kscan",
  ].map { GlobPattern($0) }

  /// The patterns of an ignore file, and the folder they are for.
  private struct Rules {
    let folder: String
    let patterns: [GlobPattern]
  }

  /// Paths of files under `root`, in the order of their names. Links to files are followed, links to folders are not.
  ///
  /// - Throws: `.fileNotFound`, `.fileUnreadable` for the folder itself; a folder below that cannot be read is told to
  ///   `unreadable`.
  public func files(
    under root: String, unreadable: (String) -> Void = { _ in }
  ) throws(KingletError) -> [String] {
    let include = include.map { GlobPattern($0) }
    let exclude = exclude.map { GlobPattern($0) }
    var result: [String] = []
    var folders: [(path: String, rules: [Rules])] = [("", [])]
    while let (folder, inherited) = folders.popLast() {
      let path = folder.isEmpty ? root : root + "/" + folder
      guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
        if !folder.isEmpty {
          unreadable(path)
          continue
        }
        throw KingletError(
          FileManager.default.fileExists(atPath: root) ? .fileUnreadable : .fileNotFound,
          "the folder cannot be read", at: root, remedy: "Check the path")
      }
      var rules = inherited
      if honoursIgnoreFiles {
        let patterns = [".gitignore", ".kingletignore"].flatMap { ignorePatterns(path + "/" + $0) }
        if !patterns.isEmpty { rules.append(Rules(folder: folder, patterns: patterns)) }
      }
      var below: [(path: String, rules: [Rules])] = []
      for name in names.sorted() {
        let relative = folder.isEmpty ? name : folder + "/" + name
        let isFolder = Self.isFolder(root + "/" + relative)
        if isExcluded(relative, name, isFolder, exclude, rules) { continue }
        if isFolder {
          below.append((relative, rules))
        } else if include.isEmpty || include.contains(where: { $0.matches(relative) }) {
          if FileState(path: root + "/" + relative) != nil { result.append(root + "/" + relative) }
        }
      }
      folders += below.reversed()
    }
    return result.sorted()
  }

  private func isExcluded(
    _ path: String, _ name: String, _ isFolder: Bool, _ exclude: [GlobPattern], _ rules: [Rules]
  ) -> Bool {
    if exclude.contains(where: { $0.matches(path, isFolder: isFolder) }) { return true }
    guard honoursIgnoreFiles else { return false }
    if Self.defaultExclusions.contains(where: { $0.matches(name, isFolder: isFolder) }) { return true }
    // The last pattern that matches decides.
    var isIgnored = false
    for rule in rules {
      let relative = rule.folder.isEmpty ? path : String(path.dropFirst(rule.folder.count + 1))
      for pattern in rule.patterns where pattern.matches(relative, isFolder: isFolder) {
        isIgnored = !pattern.isNegated
      }
    }
    return isIgnored
  }

  private func ignorePatterns(_ path: String) -> [GlobPattern] {
    guard FileState(path: path) != nil, let bytes = try? readFile(path, limit: 1 << 20) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { line in
        var line = line
        while line.last == " " { line.removeLast() }
        return line
      }
      .filter { !$0.isEmpty && !$0.hasPrefix("#") }.map { GlobPattern(String($0)) }
  }

  private static func isFolder(_ path: String) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes?[.type] as? FileAttributeType == .typeDirectory
  }
}

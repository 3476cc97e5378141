#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The folders in which models are looked for, in this order.
public struct ModelFolders: Equatable, Sendable {
  /// Absolute or relative paths, the first to be searched first.
  public let paths: [String]

  public init(paths: [String]) {
    self.paths = paths
  }

  /// The folders that follow from a process's surroundings:
  ///
  /// 1. the folder `KINGLET_MODELS` names;
  /// 2. `models` in `currentDirectory`, if that is a checkout of Kinglet;
  /// 3. the user's cache, for an installed program: see `cache(environment:)`.
  public init(environment: [String: String], currentDirectory: String) {
    var paths: [String] = []
    if let chosen = environment["KINGLET_MODELS"], !chosen.isEmpty { paths.append(chosen) }
    let checkout = currentDirectory + "/models"
    if FileStatus(path: checkout + "/catalog.json").isFile { paths.append(checkout) }
    if let cache = ModelFolders.cache(environment: environment) { paths.append(cache) }
    var seen: Set<String> = []
    self.paths = paths.filter { seen.insert($0).inserted }
  }

  /// The folders of this process.
  public static var current: ModelFolders {
    ModelFolders(
      environment: ProcessInfo.processInfo.environment, currentDirectory: FileManager.default.currentDirectoryPath)
  }

  /// The folder of models in the user's cache, or `nil` for a user without a home.
  ///
  /// `$XDG_CACHE_HOME/kinglet/models`, by default `~/.cache/kinglet/models`, as the XDG Base Directory Specification
  /// has it (which also says to ignore a relative `XDG_CACHE_HOME`); `~/Library/Caches/kinglet/models` on macOS.
  public static func cache(environment: [String: String]) -> String? {
    userCache(environment: environment).map { $0 + "/models" }
  }

  /// The folder in this user's cache for what is made from models and can be made again, or `nil` for a user without a
  /// home.
  public static var converted: String? {
    userCache(environment: ProcessInfo.processInfo.environment).map { $0 + "/converted" }
  }

  private static func userCache(environment: [String: String]) -> String? {
    if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") { return cache + "/kinglet" }
    guard let home = environment["HOME"], !home.isEmpty else { return nil }
    #if os(macOS)
      return home + "/Library/Caches/kinglet"
    #else
      return home + "/.cache/kinglet"
    #endif
  }
}

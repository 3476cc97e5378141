// Errors: the one shape in which every room reports what went wrong. It lies below all other rooms.

/// What went wrong, where, and what the caller can do about it.
///
/// Every public function of Kinglet that fails throws this type. `description` is one sentence or two, fit to be shown
/// to a person as it is; `code` is for programs.
public struct KingletError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kinds of failure, stable across releases.
  public enum Code: String, Sendable, CaseIterable {
    /// The file does not exist, or is a folder where a file is needed.
    case fileNotFound
    /// The operating system refused to open, map, read or write the file.
    case fileUnreadable
    /// The file breaks the rules of its format: truncated, inconsistent or hostile.
    case fileCorrupt
    /// The file is well formed, but holds an architecture, type or feature that Kinglet does not run.
    case unsupported
    /// A name that is neither a path nor in the catalogue of models.
    case modelNotFound
    /// The model has no chat template, or the template failed.
    case template
    /// More tokens than the context holds.
    case contextOverflow
    /// An argument outside what the function accepts.
    case invalidArgument
    /// Memory could not be had.
    case outOfMemory
    /// The work was cancelled by its owner.
    case cancelled
  }

  /// The kind of failure.
  public let code: Code
  /// What happened, as a sentence without its full stop.
  public let message: String
  /// The file, tensor, metadata key or byte offset concerned.
  public let location: String?
  /// What the caller can do.
  public let remedy: String?

  public init(_ code: Code, _ message: String, at location: String? = nil, remedy: String? = nil) {
    self.code = code
    self.message = message
    self.location = location
    self.remedy = remedy
  }

  /// The same error, located in `file` as well: a reader knows the key or tensor, its caller the path.
  public func located(in file: String) -> KingletError {
    KingletError(code, message, at: location.map { "\(file): \($0)" } ?? file, remedy: remedy)
  }

  public var description: String {
    var text = location.map { "\($0): \(message)" } ?? message
    if let remedy { text += ". \(remedy)" }
    return text.hasSuffix(".") ? text : text + "."
  }
}

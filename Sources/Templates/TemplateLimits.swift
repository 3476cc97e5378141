/// What compiling and rendering a template may consume.
///
/// Every limit counts something that depends on the template and its input only, never on time, so a template that
/// renders here renders everywhere. The defaults are a hundred times what the published chat templates use for a long
/// conversation, and keep a hostile template below about a second and 200 MB.
public struct TemplateLimits: Sendable, Equatable {
  /// Bytes of template source.
  public var maximumSourceBytes: Int
  /// Levels of nested blocks, parentheses and operators in the source.
  public var maximumSyntaxNesting: Int
  /// Levels of nested evaluation: expressions in expressions, blocks in blocks, macros that call macros. Each level
  /// costs stack, so raise it only where the thread's stack is known to be large.
  public var maximumDepth: Int
  /// Levels of containers within containers.
  public var maximumValueDepth: Int
  /// Steps: an expression, a statement or an element visited, or 64 bytes of text examined.
  public var maximumSteps: Int
  /// Bytes of the largest single text or list.
  public var maximumValueBytes: Int
  /// Bytes of all texts and lists made while rendering, the output included; what is freed is not given back.
  public var maximumTotalBytes: Int

  /// Limits that no published template comes near.
  public static let `default` = TemplateLimits()

  public init(
    maximumSourceBytes: Int = 1 << 20, maximumSyntaxNesting: Int = 100, maximumDepth: Int = 300,
    maximumValueDepth: Int = 100, maximumSteps: Int = 3_000_000, maximumValueBytes: Int = 8 << 20,
    maximumTotalBytes: Int = 96 << 20
  ) {
    self.maximumSourceBytes = maximumSourceBytes
    self.maximumSyntaxNesting = maximumSyntaxNesting
    self.maximumDepth = maximumDepth
    self.maximumValueDepth = maximumValueDepth
    self.maximumSteps = maximumSteps
    self.maximumValueBytes = maximumValueBytes
    self.maximumTotalBytes = maximumTotalBytes
  }
}

/// One message of a conversation.
public struct ChatMessage: Sendable, Equatable, Codable {
  /// Who says something, by the names that chat templates know.
  public enum Role: String, Sendable, Codable {
    /// The instructions, before everything else.
    case system
    /// The person.
    case user
    /// The model.
    case assistant
  }

  public var role: Role
  /// Text, and nothing but text: what spells a control token in it stays text.
  public var content: String

  public init(role: Role, content: String) {
    self.role = role
    self.content = content
  }

  public static func system(_ content: String) -> ChatMessage { ChatMessage(role: .system, content: content) }
  public static func user(_ content: String) -> ChatMessage { ChatMessage(role: .user, content: content) }
  public static func assistant(_ content: String) -> ChatMessage { ChatMessage(role: .assistant, content: content) }
}
